-- Hand out messages to a worker, under a token and a lease.
-- ARGV  worker, request id, limit, max bytes, messages the worker holds already, lease (ms), probe lease (ms)
-- Gives {now ms, epoch, seq, open clock ms, wait ms, flags, token, message, token, message …}
--       flags: m = more is left, a = a suspect, alone, d = claim again when nothing is held
-- The same request id gives the same batch again (a reply was lost).
local worker, request, limit, room = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local holding, lease, probe_lease = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local LONGEST_WAIT = 1000  -- ms; bounds what a worker sleeps through when a wake token is lost with its reader
local PATTERN = {RETURNING, READY, RETURNING, READY, RETURNING, READY, RETURNING, READY, RETURNING, BULK}

local epoch, newer = open_books()
if newer then return newer end
expect({LEDGER, VALVE, WAKE, READY, RETURNING, BULK, SUSPECTS, FLIGHT, LEASES, REPLIES, SCHEDULED, HELD, LANES,
        DEAD, DEAD_AT})

local valve = read_valve()
local batch, bytes, moved = {}, 0, 0

local function answer(wait, flags)
  local seq = call('HGET', LEDGER, 'seq')
  local result = {whole(NOW), epoch, seq, whole(open_clock(valve)), whole(wait), flags}
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
  m.claims = m.claims + 1
  local token, raw = m.seq .. '.' .. m.claims, render(m)
  call('HSET', FLIGHT, worker .. ':' .. token, raw)
  batch[#batch + 1] = {token, raw}
  bytes, moved = bytes + #raw, moved + 1
  move('ready', 'in_flight', 1)
end

local function finish(wait, flags)
  call('ZADD', LEASES, NOW + lease, worker)
  if valve.bucket_now then
    call('HSET', VALVE, 'bucket', tostring(valve.bucket_now - #batch), 'bucket_at', whole(NOW))
  end
  local tokens = {}
  for i, entry in ipairs(batch) do tokens[i] = entry[1] end
  call('HSET', REPLIES, 'c:' .. worker, request .. ' ' .. flags .. ' ' .. table.concat(tokens, ' '))
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
if valve.breaker == 'open' then return finish(LONGEST_WAIT, '') end
local probing = valve.breaker == 'half_open'
if probing then
  local held_until = tonumber(valve.probe_until) or 0
  if NOW < held_until then return finish(math.min(LONGEST_WAIT, held_until - NOW), '') end
  limit = math.min(limit, 1)
end
if valve.rate then
  local rate = tonumber(valve.rate)
  local elapsed = math.max(0, NOW - (tonumber(valve.bucket_at) or 0))
  local bucket = math.min(math.max(1, rate / 10), (tonumber(valve.bucket) or 0) + elapsed * rate / 1000)
  valve.bucket_now = bucket
  if bucket < 1 then return finish(math.min(LONGEST_WAIT, math.ceil((1 - bucket) * 1000 / rate)), '') end
  limit = math.min(limit, math.floor(bucket))
end
if limit < 1 then  -- no room here: a wake token that was taken goes to another worker
  if call('LLEN', READY) + call('LLEN', RETURNING) + call('LLEN', BULK) > 0 then wake(valve) end
  return finish(LONGEST_WAIT, '')
end

-- Due ---------------------------------------------------------------------------------------------------------
for _, raw in ipairs(call('ZRANGEBYSCORE', SCHEDULED, '-inf', NOW, 'LIMIT', 0, limit)) do
  call('LPUSH', RETURNING, raw)
  call('ZREM', SCHEDULED, raw)
  move('scheduled', 'ready', 1)
end

-- Suspects: one, alone, with the worker that has drained for it -----------------------------------------------
if call('LLEN', SUSPECTS) > 0 then
  local by, until_ms = string.match(call('HGET', REPLIES, 'alone') or '', '^(%S+) (%d+)$')
  if not by or by == worker or NOW >= tonumber(until_ms) then
    call('HSET', REPLIES, 'alone', worker .. ' ' .. whole(NOW + lease))
    if holding > 0 then return finish(LONGEST_WAIT, 'd') end
    limit = 1
  end
end

-- Blocked scopes: their messages wait in `held`, under the scope, until it is probed or drained ------------------
local scopes = {}
for scope in string.gmatch(valve.scopes or '', '%S+') do
  scopes[#scopes + 1] = scope
end

local function from_scopes()
  for _, scope in ipairs(scopes) do
    local state = valve['b:' .. scope]
    local due_probe = state == 'half_open' and NOW >= (tonumber(valve['p:' .. scope]) or 0)
    if due_probe or state == 'draining' then
      local member, raw = first_held('!' .. scope)
      if member then return member, raw, due_probe and scope end
      if state == 'draining' then
        valve['b:' .. scope] = nil
        valve.scopes = string.gsub(valve.scopes, scope .. ' ?', '')
        call('HDEL', VALVE, 'b:' .. scope, 'p:' .. scope, 'r:' .. scope)
        call('HSET', VALVE, 'scopes', valve.scopes)
      end
    end
  end
end

-- One candidate: true when it was dealt with, false when the claim must stop ------------------------------------
local alone, drain = false, false
local function deal(raw, leave, from, scope_open, probed_scope)
  local m, written_later = parse(raw)
  if written_later or (m and probing and m.seq == valve.tripped_by and from ~= HELD and call('LLEN', from) > 1) then
    if from == HELD then return false end
    call('LPUSH', from, raw)
    leave()
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
  if not scope_open and valve['b:' .. m.scope] then
    hold('!' .. m.scope, m, raw)
    leave()
    move(from == HELD and 'held' or 'ready', 'held', 1)
    moved = moved + 1
    return true
  end
  if from == HELD then move('held', 'ready', 1) end
  if m.lane ~= '-' then
    local head = call('HGET', LANES, m.lane)
    if head and head ~= m.seq then
      hold(m.lane, m, raw)
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
  if probed_scope then
    valve['p:' .. probed_scope] = NOW + probe_lease
    call('HSET', VALVE, 'p:' .. probed_scope, whole(NOW + probe_lease))
  end
  if probing then call('HSET', VALVE, 'probe_until', whole(NOW + probe_lease)) end
  return true
end

local by_suspect = string.match(call('HGET', REPLIES, 'alone') or '', '^(%S+) ')
if by_suspect == worker and call('LLEN', SUSPECTS) > 0 then
  while #batch == 0 and call('LLEN', SUSPECTS) > 0 do
    if not deal(call('LINDEX', SUSPECTS, -1), function() call('RPOP', SUSPECTS) end, SUSPECTS) then break end
  end
end

local cursor = tonumber(call('HGET', LEDGER, 'cursor')) or 0
local stopped, examined, most = false, 0, limit * 4 + 100
while not stopped and not alone and #batch < limit and examined < most do
  examined = examined + 1
  local member, raw, probed_scope = from_scopes()
  if member then
    stopped = not deal(raw, function() call('ZREM', HELD, member) end, HELD, true, probed_scope)
  else
    local list
    for step = 0, #PATTERN - 1 do
      local candidate = PATTERN[(cursor + step) % #PATTERN + 1]
      raw = call('LINDEX', candidate, -1)
      if raw then
        list = candidate
        cursor = (cursor + step + 1) % #PATTERN
        break
      end
    end
    if not list then break end
    stopped = not deal(raw, function() call('RPOP', list) end, list)
  end
end
call('HSET', LEDGER, 'cursor', cursor)
if alone then return finish(0, 'a') end
if drain and #batch == 0 then return finish(LONGEST_WAIT, 'd') end

local left = call('LLEN', READY) + call('LLEN', RETURNING) + call('LLEN', BULK) > 0
local spare = not valve.bucket_now or valve.bucket_now - #batch >= 1
if left and moved > 0 and spare and not probing then
  wake(valve)
  return finish(0, 'm')
end
local wait = LONGEST_WAIT
local due = call('ZRANGE', SCHEDULED, 0, 0, 'WITHSCORES')[2]
if due then wait = math.max(1, math.min(wait, tonumber(due) - NOW)) end
if left and not spare then
  wait = math.min(wait, math.ceil((1 - valve.bucket_now + #batch) * 1000 / tonumber(valve.rate)))
end
return finish(wait, left and 'm' or '')
