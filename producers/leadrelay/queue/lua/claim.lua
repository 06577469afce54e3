-- Hand out messages to a worker, under a token and a lease.
-- ARGV  worker, request id, limit, max bytes, messages the worker holds already, lease (ms), probe lease (ms)
-- Gives {now ms, epoch, seq, open clock ms, wait ms, flags, blocked, token, message, token, message …}
--       flags: m = more is left, a = a suspect, alone, d = claim again when nothing is held
--       blocked: scopes ('*' all) of which the worker may not begin what it claimed before
-- The same request id gives the same batch again (a reply was lost).
local worker, request, limit, room = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local holding, lease, probe_lease = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local LONGEST_WAIT = 1000  -- ms; bounds what a worker sleeps through when a wake token is lost with its reader
local PATTERN = {RETURNING, READY, RETURNING, READY, RETURNING, READY, RETURNING, READY, RETURNING, BULK}

local LOOK = 50            -- events among which a probe is chosen
local NO_PROBE = 1e7       -- stands for how often one was handed out that only a newer version can, or that waits behind one
local MOST_SUSPECTS = 100  -- looked at in one claim
local FEWEST_MS = 10       -- between claims for one token of a rate
local NEWER_PATIENCE = 900000  -- ms without a claim by a worker of the version that wrote a message, until it is set aside

local epoch, newer = open_books()
if newer then return newer end
expect({LEDGER, VALVE, WAKE, READY, RETURNING, BULK, SUSPECTS, FLIGHT, LEASES, REPLIES, SCHEDULED, HELD, LANES,
        DEAD, DEAD_AT, WATCHED})

local valve = read_valve()
local clock = open_clock(valve)
local batch, bytes, moved = {}, 0, 0
local buckets = {}

-- What a worker may not begin of what it holds: '*' is all of it.
local function blocked()
  local names = {}
  if valve.paused or valve.breaker or valve['b:@' .. worker] then names[1] = '*' end
  for scope in string.gmatch(valve.scopes or '', '%S+') do
    local state = valve['b:' .. scope]
    if state == 'open' or state == 'half_open' then names[#names + 1] = scope end
  end
  return table.concat(names, ' ')
end

local function answer(wait, flags)
  local seq = call('HGET', LEDGER, 'seq')
  local result = {whole(NOW), epoch, seq, whole(clock), whole(wait), flags, blocked()}
  for _, entry in ipairs(batch) do
    result[#result + 1] = entry[1]
    result[#result + 1] = entry[2]
  end
  return result
end

local last = call('HGET', REPLIES, 'c:' .. worker)
if last then
  local id, flags, tokens = string.match(last, '^(%S+) (%S*) (.*)$')
  if id == request then
    for token in string.gmatch(tokens, '%S+') do
      local raw = call('HGET', FLIGHT, worker .. ':' .. token)
      if raw then batch[#batch + 1] = {token, raw} end
    end
    return answer(0, flags)
  end
end

local function hand_out(m)
  if m.order == GAVE_WAY and overtaken(m) then end_giving_way(m, STALE) end
  m.claims = m.claims + 1
  local token, raw = m.seq .. '.' .. request, render(m)
  call('HSET', FLIGHT, worker .. ':' .. token, raw)
  batch[#batch + 1] = {token, raw}
  bytes, moved = bytes + #raw, moved + 1
  if buckets[m.scope] then buckets[m.scope] = buckets[m.scope] - 1 end
  move('ready', 'in_flight', 1)
end

local function finish(wait, flags)
  call('ZADD', LEASES, NOW + lease, worker)
  if buckets[''] then call('HSET', VALVE, 'bucket', tostring(buckets[''] - #batch), 'bucket_at', whole(NOW)) end
  for scope, left in pairs(buckets) do
    if scope ~= '' then call('HSET', VALVE, 'k:' .. scope, tostring(left) .. ' ' .. whole(NOW)) end
  end
  local tokens = {}
  for i, entry in ipairs(batch) do tokens[i] = entry[1] end
  call('HSET', REPLIES, 'c:' .. worker, request .. ' ' .. flags .. ' ' .. table.concat(tokens, ' '),
       'version:' .. VERSION, whole(NOW))
  count_all()
  return answer(wait, flags)
end

-- The valve -------------------------------------------------------------------------------------------------
if valve.paused and valve.pause_until and NOW >= tonumber(valve.pause_until) then
  call('HDEL', VALVE, 'paused', 'pause_until', 'pause_by', 'pause_reason', 'pause_since')
  audit('leadrelay\tresume\tthe pause ended', 0)
  valve.paused = nil
  mark_valve(valve)
end
if valve.paused then
  return finish(math.min(LONGEST_WAIT, valve.pause_until and tonumber(valve.pause_until) - NOW or LONGEST_WAIT), '')
end
-- How long a probe has still to come back; a lease that is too long is of a clock that went back.
local function lease_left(field)
  local left = (tonumber(valve[field]) or 0) - NOW
  return left <= probe_lease and left or 0
end

local mine = valve['b:@' .. worker]  -- this worker fails while others succeed
if valve.breaker == 'open' or mine == 'open' then return finish(LONGEST_WAIT, '') end
local probe_lease_of = valve.breaker == 'half_open' and 'probe_until' or mine == 'half_open' and 'p:@' .. worker
if probe_lease_of then
  local left = lease_left(probe_lease_of)
  if left > 0 then return finish(math.min(LONGEST_WAIT, left), '') end
  limit = math.min(limit, 1)
end

-- Tokens of a rate: a twentieth of a second's worth may be saved up.
local function tokens(rate, left, since)
  return math.min(math.max(1, rate / 20), left + math.max(0, NOW - since) * rate / 1000)
end
local rate = math.min(tonumber(valve.rate) or math.huge, tonumber(valve.ceiling) or math.huge)
if rate < math.huge then
  local bucket = tokens(rate, tonumber(valve.bucket) or 0, tonumber(valve.bucket_at) or 0)
  buckets[''] = bucket
  if bucket < 1 then
    return finish(math.max(FEWEST_MS, math.min(LONGEST_WAIT, math.ceil((1 - bucket) * 1000 / rate))), '')
  end
  limit = math.min(limit, math.floor(bucket))
end
if limit < 1 then  -- no room here: a wake token that was taken goes to another worker
  if call('LLEN', READY) + call('LLEN', RETURNING) + call('LLEN', BULK) > 0 then wake(valve) end
  return finish(LONGEST_WAIT, '')
end

-- Due ---------------------------------------------------------------------------------------------------------
for _, raw in ipairs(call('ZRANGEBYSCORE', SCHEDULED, '-inf', due_clock(), 'LIMIT', 0, limit)) do
  call('LPUSH', RETURNING, raw)
  call('ZREM', SCHEDULED, raw)
  move('scheduled', 'ready', 1)
end

-- Suspects: one, alone, with the worker that has drained for it; as a probe only when nothing else waits ---------
if call('LLEN', SUSPECTS) > 0 and not probe_lease_of then
  local by, until_ms = string.match(call('HGET', REPLIES, 'alone') or '', '^(%S+) (%d+)$')
  if not by or by == worker or NOW >= tonumber(until_ms) then
    call('HSET', REPLIES, 'alone', worker .. ' ' .. whole(NOW + lease))
    if holding > 0 then return finish(LONGEST_WAIT, 'd') end
    limit = 1
  end
end

-- Which of several is the probe: the oldest fresh one, else the one handed out least; not the one that tripped the
-- breaker. One that was handed out before is the head of its lane, so passing it over keeps the order (or it is out of
-- its order); nor is one chosen that waits behind one of a newer version. Gives its index and how often it was handed out.
local function choose(raws, tripped_by)
  local best, fewest, behind = nil, math.huge, {}
  for i, raw in ipairs(raws) do
    local m, newer = parse(raw)
    local tried = m and m.claims or newer and NO_PROBE or 0
    if newer then behind[newer.lane] = newer.lane ~= '-' end
    if m and behind[m.lane] then tried = NO_PROBE end
    if m and m.seq == tripped_by and (tried > 0 or m.lane == '-') then tried = tried + 1e6 end
    if tried < fewest then best, fewest = i, tried end
    if fewest == 0 then break end
  end
  return best, fewest
end

local function probe_from_lists()
  local list, found, fewest = nil, nil, math.huge
  for _, candidate in ipairs({READY, BULK, RETURNING}) do
    local raws = call('LRANGE', candidate, -LOOK, -1)
    for i = 1, math.floor(#raws / 2) do raws[i], raws[#raws + 1 - i] = raws[#raws + 1 - i], raws[i] end
    local i, tried = choose(raws, valve.tripped_by)
    if i and tried < fewest then list, found, fewest = candidate, raws[i], tried end
    if fewest == 0 then break end
  end
  return found, list, list and function() call('LREM', list, -1, found) end
end

-- Blocked scopes: their messages wait in `held`, under the scope, until it is probed or drained ------------------
local cursor, scope_cursor, only = unpack(call('HMGET', LEDGER, 'cursor', 'scope_cursor', 'only_scope'))
cursor, scope_cursor = tonumber(cursor) or 0, tonumber(scope_cursor) or 0
local scopes, scope_wait = {}, math.huge
for scope in string.gmatch(valve.scopes or '', '%S+') do
  scopes[#scopes + 1] = scope
end

local function has_tokens(scope)
  local of_scope = tonumber(valve['q:' .. scope])
  if not of_scope then return true end
  if not buckets[scope] then
    local left, since = string.match(valve['k:' .. scope] or '1 0', '^(%S+) (%d+)$')
    buckets[scope] = tokens(of_scope, tonumber(left), tonumber(since))
  end
  if buckets[scope] >= 1 then return true end
  scope_wait = math.min(scope_wait, (1 - buckets[scope]) * 1000 / of_scope)
end

local function unlist(scope)
  valve['b:' .. scope] = nil
  valve.scopes = string.gsub(valve.scopes, scope .. ' ?', '')
  for _, field in ipairs({'b:', 'k:', 'p:', 'q:', 'r:', 't:'}) do call('HDEL', VALVE, field .. scope) end
  call('HSET', VALVE, 'scopes', valve.scopes)
end

local function probe_of(scope)
  if lease_left('p:' .. scope) > 0 then return end
  local members = call('ZRANGEBYLEX', HELD, '[!' .. scope .. '|', '(!' .. scope .. '}', 'LIMIT', 0, LOOK)
  local raws = {}
  for i, member in ipairs(members) do raws[i] = string.sub(member, #scope + 20) end
  local i = choose(raws, valve['t:' .. scope])
  if i then return members[i], raws[i], scope end
end

-- Gives the member of `held`, its message, and the scope when it is a probe. Probes come first, for they are few;
-- the scopes that drain take turns. Where nothing was found is not looked at again in this claim.
local barren = {}
local function from_scopes()
  for _, scope in ipairs(scopes) do
    if valve['b:' .. scope] == 'half_open' and not barren[scope] then
      local member, raw, probed = probe_of(scope)
      if member then return member, raw, probed end
      barren[scope] = true
    end
  end
  for i = 1, #scopes do
    local scope = scopes[(scope_cursor + i) % #scopes + 1]
    local state = valve['b:' .. scope]
    if (state == 'limited' or state == 'draining') and not barren[scope] and has_tokens(scope) then
      local member, raw = first_held('!' .. scope)
      if member then
        scope_cursor = (scope_cursor + i) % #scopes
        return member, raw
      end
      barren[scope] = true
      if state == 'draining' then unlist(scope) end
    end
  end
end

-- While its dataset is blocked an event does not grow old: its header holds its age instead of its birth.
local function hold_blocked(m)
  m.open = whole(math.max(0, clock - m.open))
  hold('!' .. m.scope, m, render(m))
  barren[m.scope] = nil
end

-- Whether a worker of that version has claimed lately, or may come yet: time counts from the first such message on.
local function may_come(version)
  local field = 'version:' .. version
  local claimed = tonumber(call('HGET', REPLIES, field))
  if claimed and claimed <= NOW then return NOW - claimed < NEWER_PATIENCE end
  call('HSET', REPLIES, field, whole(NOW))
  return true
end

-- A message of a newer version is left to a worker that knows it, and its lane waits: at the end of its list, or where one
-- that can be read would be held; no probe, it stays where it is. When none comes it is set aside as it is, a dead letter for
-- that version, and its lane goes on.
local function hand_on(m, leave, from, probed)
  local state = from == HELD and 'held' or 'ready'
  if from == HELD then m.open = whole(clock - m.open) end
  if not may_come(m.version) then
    bury(m, 'newer')
    leave()
    move(state, 'dead', 1)
    release_lane(m)
    moved = moved + 1
    return
  end
  if probed then
    barren[probed] = true
    return
  end
  local blocked_here = from ~= HELD and valve['b:' .. m.scope]
  local head = head_of(m.lane)
  if blocked_here or (head and head ~= m.seq) then
    if blocked_here then hold_blocked(m) else hold(m.lane, m, render(m)) end
    move(state, 'held', 1)
    moved = moved + 1
  else
    if m.lane ~= '-' and not head then call('HSET', LANES, m.lane, m.seq) end
    call('LPUSH', from == HELD and RETURNING or from, render(m))
    move(state, 'ready', 1)
  end
  leave()
end

-- One candidate: true when it was dealt with, false when the claim must stop ------------------------------------
local alone, drain = false, false
local function deal(raw, leave, from, probed)
  local m, newer = parse(raw)
  if newer then
    hand_on(newer, leave, from, probed)
    return true
  end
  if not m then
    local seq = call('HINCRBY', LEDGER, 'seq', 1)
    m = fresh(seq, 'unreadable-' .. whole(seq), '-', '-', '-', '\n', 0, raw)
    bury(m, 'unreadable')
    leave()
    count('accepted', 1)
    count('n:dead', 1)
    moved = moved + 1
    return true
  end
  if #batch > 0 and bytes + #raw > room then return false end
  if m.suspect > 0 and (#batch > 0 or holding > 0) then
    drain = true
    return false
  end
  if m.scope ~= only and only ~= '*' then
    note_scope(m.scope)
    only = only_scope
  end
  if from ~= HELD and valve['b:' .. m.scope] then
    hold_blocked(m)
    leave()
    move('ready', 'held', 1)
    moved = moved + 1
    return true
  end
  if from == HELD then
    m.open = whole(clock - m.open)
    move('held', 'ready', 1)
  end
  if m.lane ~= '-' then
    local head = head_of(m.lane)
    if head and head ~= m.seq then
      hold(m.lane, m, render(m))
      leave()
      move('ready', 'held', 1)
      moved = moved + 1
      return true
    end
    if not head then call('HSET', LANES, m.lane, m.seq) end
  end
  hand_out(m)
  leave()
  alone = m.suspect > 0
  local leased = probed and 'p:' .. probed or probe_lease_of
  if leased then
    valve[leased] = NOW + probe_lease
    call('HSET', VALVE, leased, whole(NOW + probe_lease))
  end
  return true
end

local by_suspect = string.match(call('HGET', REPLIES, 'alone') or '', '^(%S+) ')
if by_suspect == worker and call('LLEN', SUSPECTS) > 0 and not probe_lease_of then
  for _ = 1, math.min(call('LLEN', SUSPECTS), MOST_SUSPECTS) do  -- one of a newer version goes to the end and stays
    if not deal(call('LINDEX', SUSPECTS, -1), function() call('RPOP', SUSPECTS) end, SUSPECTS) or #batch > 0 then break end
  end
end

-- Gives the message, its list, and how to take it out.
local function from_lists()
  if probe_lease_of then
    local found, list, leave = probe_from_lists()
    local last_one = not found and call('LINDEX', SUSPECTS, -1)  -- else nothing would ever be tried
    if last_one then return last_one, SUSPECTS, function() call('RPOP', SUSPECTS) end end
    return found, list, leave
  end
  for step = 0, #PATTERN - 1 do
    local list = PATTERN[(cursor + step) % #PATTERN + 1]
    local raw = call('LINDEX', list, -1)
    if raw then
      cursor = (cursor + step + 1) % #PATTERN
      return raw, list, function() call('RPOP', list) end
    end
  end
end

-- A scope that drains takes turns with the lists, so that it does not keep the others waiting.
local stopped, examined, most = false, 0, limit * 4 + 100
while not stopped and not alone and #batch < limit and examined < most do
  examined = examined + 1
  local raw, list, leave, member, probed
  if examined % 2 == 0 then raw, list, leave = from_lists() end
  if not raw and #scopes > 0 and not probe_lease_of then member, raw, probed = from_scopes() end
  if not raw and examined % 2 == 1 then raw, list, leave = from_lists() end
  if not raw then break end
  if member then list, leave = HELD, function() call('ZREM', HELD, member) end end
  stopped = not deal(raw, leave, list, probed)
end
call('HSET', LEDGER, 'cursor', cursor, 'scope_cursor', scope_cursor)
if alone then return finish(0, 'a') end
if drain and #batch == 0 then return finish(LONGEST_WAIT, 'd') end

local left = call('LLEN', READY) + call('LLEN', RETURNING) + call('LLEN', BULK) > 0
if not left and #batch == limit and not probe_lease_of and from_scopes() then left = true end
local spare = not buckets[''] or buckets[''] - #batch >= 1
if left and moved > 0 and spare and (not probe_lease_of or #batch == 0) then
  wake(valve)
  return finish(0, 'm')
end
local wait = LONGEST_WAIT
local due = call('ZRANGE', SCHEDULED, 0, 0, 'WITHSCORES')[2]
if due then wait = math.max(1, math.min(wait, tonumber(due) - due_clock())) end
if left and not spare then wait = math.min(wait, (1 - buckets[''] + #batch) * 1000 / rate) end
wait = math.max(1, math.min(wait, math.max(FEWEST_MS, scope_wait)))
return finish(math.ceil(wait), left and 'm' or '')
