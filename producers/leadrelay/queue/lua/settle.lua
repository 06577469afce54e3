-- Settle messages in flight: each by its token, each standing alone.
-- ARGV  worker, request id, most rejections in a row, patience of a lane (ms, '' without end), fewest attempts before
--       it ends, then per settlement: token, kind, argument, attempt ('' = none was made)
--       kinds: delivered | scheduled (delay ms) | dead (reason) | dropped (reason) | ready | suspect
-- Gives {moved, late, token …}: the tokens are of those that were to be dead and are not (late, or rejected and waiting);
-- the same request id gives the same answer again and moves nothing
-- Outcomes are counted for the controller in `flow`: 'n <scope> <worker> <outcome> <reason>' how many, 'e …' the
-- first events that failed so, 'h <scope>' the shortest wait that throttled events were given, 'run:<key>' rejections
-- in a row, none accepted, by scope, by '@<worker>' and ('') by all.
local worker, request, RUN = ARGV[1], ARGV[2], tonumber(ARGV[3])
local PATIENCE, FEWEST = tonumber(ARGV[4]), tonumber(ARGV[5])
local MOST_FIELDS = 10000  -- of `flow`, should no controller read it
local MOST_EVENTS = 8      -- named in one field
local ALL, MINE = 'run:', 'run:@' .. worker
local LENIENT = {[ALL] = 3}  -- in a row by all: so many times as by one dataset or one worker
local ON_TIME = 60000      -- ms from acceptance to delivery, unless a worker has set another limit
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, VALVE, WAKE, RETURNING, SUSPECTS, FLIGHT, REPLIES, SCHEDULED, HELD, LANES, DEAD, DEAD_AT, WATCHED, AUDIT, FLOW})

local last = call('HGET', REPLIES, 's:' .. worker)
if last then
  local id, moved, late, tokens = string.match(last, '^(%S+) (%d+) (%d+)(.*)$')
  if id == request then
    local reply = {tonumber(moved), tonumber(late)}
    for token in string.gmatch(tokens, '%S+') do reply[#reply + 1] = token end
    return reply
  end
end

-- Counting ------------------------------------------------------------------------------------------------------
local counts, events, hints, runs, old_runs = {}, {}, {}, {}, {}

local function run(key)
  if not runs[key] then
    old_runs[key] = tonumber(call('HGET', FLOW, key)) or 0
    runs[key] = old_runs[key]
  end
  return runs[key]
end

local function end_run(key)
  if run(key) ~= 0 then runs[key] = 0 end
end

local function count_outcome(m, kind, argument, attempt)
  local outcome, reason = string.match(attempt, '^%d+:%d+:(%a+)%??:([^:]*)')
  if not outcome or (outcome == 'rejected' and argument ~= 'rejected') then return end  -- malformed: never sent
  local what = m.scope .. ' ' .. worker .. ' ' .. outcome .. ' ' .. reason
  counts[what] = (counts[what] or 0) + 1
  count('attempts:' .. outcome, 1)
  if outcome == 'accepted' then
    end_run('run:' .. m.scope)
    end_run(MINE)
    end_run(ALL)
    return
  end
  events[what] = (events[what] or '') .. ' ' .. m.seq
  if outcome == 'throttled' and kind == 'scheduled' then
    hints[m.scope] = math.min(hints[m.scope] or math.huge, tonumber(argument) or 0)
  end
end

local function name_events(what, seqs)
  local known = call('HGET', FLOW, 'e ' .. what) or ''
  local _, number = string.gsub(known, '%d+', '')
  for seq in string.gmatch(seqs, '%d+') do
    if number < MOST_EVENTS and not string.find(known .. ' ', ' ' .. seq .. ' ', 1, true) then
      known, number = known .. ' ' .. seq, number + 1
    end
  end
  call('HSET', FLOW, 'e ' .. what, known)
end

local function keep_outcomes()
  local full = call('HLEN', FLOW) > MOST_FIELDS
  for key, n in pairs(runs) do
    if n == 0 and old_runs[key] ~= 0 then
      call('HDEL', FLOW, key)
    elseif n ~= old_runs[key] and not (full and old_runs[key] == 0) then
      call('HSET', FLOW, key, n)
    end
  end
  if full then return end
  for what, n in pairs(counts) do call('HINCRBY', FLOW, 'n ' .. what, n) end
  for what, seqs in pairs(events) do name_events(what, seqs) end
  for scope, wait in pairs(hints) do
    local known = tonumber(call('HGET', FLOW, 'h ' .. scope)) or math.huge
    if wait < known then call('HSET', FLOW, 'h ' .. scope, whole(wait)) end
  end
end

-- A rejected event is dead at once. So that no backlog is buried whole, only so many in a row are, until one is
-- accepted; further ones wait for what the controller decides. An operator who knows better sets the run to -1.
local function may_bury(m)
  local keys = {'run:' .. m.scope, MINE, ALL}
  if run(keys[1]) < 0 or run(ALL) < 0 then return true end
  for _, key in ipairs(keys) do
    if run(key) >= RUN * (LENIENT[key] or 1) then return false end
  end
  for _, key in ipairs(keys) do runs[key] = run(key) + 1 end
  return true
end

-- Whose fault -----------------------------------------------------------------------------------------------------
local FAILED = {transient = true, throttled = true, misconfigured = true}
local ITS_OWN = {transient = true, misconfigured = true}  -- what may be one event's, while others are accepted
local SHUT = {open = true, half_open = true}

local valve
-- Whether a breaker stops what would be sent like this event: then a failure tells of the endpoint, not of the event.
local function is_shut(m)
  valve = valve or read_valve()
  return SHUT[valve.breaker] or SHUT[valve['b:' .. m.scope]] or SHUT[valve['b:@' .. worker]]
end

-- Attempts count towards the wait and the death of an event, unless they failed for another reason: as a probe.
local function charge(m, attempt)
  if attempt == '' then return end
  local outcome = string.match(attempt, '^%d+:%d+:(%a+)')
  if not (FAILED[outcome] and is_shut(m)) then m.attempts = m.attempts + 1 end
  note(m, attempt)
end

-- Patience: a head that fails again and again while others are delivered does not keep its lane waiting for longer.
-- It is measured from its first failure, in the time by which events grow old.
local function gives_way(m, delay, attempt)
  if m.lane == '-' or not PATIENCE or not ITS_OWN[string.match(attempt, '^%d+:%d+:(%a+)')] or is_shut(m) then return false end
  local age = math.max(0, open_clock(valve) - m.open)
  local delivered = tonumber(call('HGET', LEDGER, 'delivered')) or 0
  local since, before = string.match(call('HGET', LANES, m.lane) or '', '^%d+ (%d+) (%d+)$')
  if not since then
    call('HSET', LANES, m.lane, m.seq .. ' ' .. whole(age) .. ' ' .. whole(delivered))
    since, before = age, delivered
  end
  return m.attempts >= FEWEST and age + delay - since > PATIENCE and delivered > tonumber(before)
end

-- Moving --------------------------------------------------------------------------------------------------------
local settle = {}

local on_time_ms
local function tell_delivered(m)
  on_time_ms = on_time_ms or tonumber(call('HGET', HOURS, 'on_time_ms') or ON_TIME)
  local took = NOW - m.at
  if took <= on_time_ms then
    tell(m, 'on_time', 1)
  else
    tell(m, 'late', 1)
    tell(m, 'late_max', took)
    tell(m, 'late:' .. math.max(0, math.floor(2 * math.log(took / 1000) / math.log(2))), 1)
  end
  if string.find(m.history, '?', 1, true) then tell(m, 'doubles', 1) end
  if m.order == STALE then tell(m, 'stale', 1) end
end

function settle.delivered(m)
  tell_delivered(m)
  leave_lane(m, true)
  end_giving_way(m, IN_ORDER)
  count('delivered', 1)
  count('n:in_flight', -1)
end

function settle.scheduled(m, delay, attempt)
  delay = tonumber(delay) or 0
  if m.order == IN_ORDER and gives_way(m, delay, attempt) then
    give_way(m)
    count('gave_way', 1)
  end
  call('ZADD', SCHEDULED, due_clock() + delay, render(m))
  if m.order ~= IN_ORDER then leave_lane(m) end
  count('retried', 1)
  tell(m, 'retried', 1)
  move('in_flight', 'scheduled', 1)
end

local not_dead = {}  -- tokens
function settle.dead(m, reason, attempt, token)
  if reason == 'rejected' and not may_bury(m) then
    not_dead[#not_dead + 1] = token
    settle.scheduled(m, math.min(3600000, 2500 * 2 ^ m.attempts), attempt)
    return
  end
  bury(m, reason)
  leave_lane(m)
  move('in_flight', 'dead', 1)
end

function settle.dropped(m, reason)
  audit(worker .. '\tdrop\t' .. reason, 1, AUDIT_LOOK)
  leave_lane(m)
  end_giving_way(m, IN_ORDER)
  count('dropped', 1)
  tell(m, 'dropped', 1)
  count('n:in_flight', -1)
end

function settle.ready(m)
  put_back(m, render(m))
  move('in_flight', 'ready', 1)
end

function settle.suspect(m) move('in_flight', suspect(m), 1) end

local moved, late, returned = 0, 0, false
for i = 6, #ARGV, 4 do
  local kind = ARGV[i + 1]
  local field = worker .. ':' .. ARGV[i]
  local raw = settle[kind] and call('HGET', FLIGHT, field)
  local m = raw and parse(raw)
  if m then
    charge(m, ARGV[i + 3])
    count_outcome(m, kind, ARGV[i + 2], ARGV[i + 3])
    if kind ~= 'ready' and kind ~= 'suspect' then m.suspect = 0 end
    settle[kind](m, ARGV[i + 2], ARGV[i + 3], ARGV[i])
    call('HDEL', FLIGHT, field)
    moved = moved + 1
    returned = returned or kind == 'ready' or kind == 'suspect'
  else
    late = late + 1
    if kind == 'dead' then not_dead[#not_dead + 1] = ARGV[i] end
  end
end
count('late', late)
keep_outcomes()
call('HSET', REPLIES, 's:' .. worker, table.concat({request, moved, late, unpack(not_dead)}, ' '))
count_all()
if returned then wake(read_valve()) end
return {moved, late, unpack(not_dead)}
