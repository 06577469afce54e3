-- Settle messages in flight: each by its token, each standing alone.
-- ARGV  worker, request id, then per settlement: token, kind, argument, attempt ('' = not charged)
--       kinds: delivered | scheduled (delay ms) | dead (reason) | dropped (reason) | ready | suspect
-- Gives {moved, late}; the same request id gives the same answer again and moves nothing
local worker, request = ARGV[1], ARGV[2]
local ON_TIME = 60000  -- ms from acceptance to delivery, unless a worker has set another limit
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, RETURNING, SUSPECTS, FLIGHT, REPLIES, SCHEDULED, HELD, LANES, DEAD, DEAD_AT, AUDIT})

local last = call('HGET', REPLIES, 's:' .. worker)
if last then
  local id, moved, late = string.match(last, '^(%S+) (%d+) (%d+)$')
  if id == request then return {tonumber(moved), tonumber(late)} end
end

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
end

function settle.delivered(m)
  tell_delivered(m)
  release_lane(m)
  count('delivered', 1)
  count('n:in_flight', -1)
end

function settle.scheduled(m, delay)
  call('ZADD', SCHEDULED, NOW + (tonumber(delay) or 0), render(m))
  count('retried', 1)
  tell(m, 'retried', 1)
  move('in_flight', 'scheduled', 1)
end

function settle.dead(m, reason)
  bury(m, reason)
  release_lane(m)
  move('in_flight', 'dead', 1)
end

function settle.dropped(m, reason)
  audit(worker .. '\tdrop\t' .. reason, 1)
  release_lane(m)
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
for i = 3, #ARGV, 4 do
  local kind = ARGV[i + 1]
  local field = worker .. ':' .. ARGV[i]
  local raw = settle[kind] and call('HGET', FLIGHT, field)
  local m = raw and parse(raw)
  if m then
    charge(m, ARGV[i + 3])
    if kind ~= 'ready' and kind ~= 'suspect' then m.suspect = 0 end
    settle[kind](m, ARGV[i + 2])
    call('HDEL', FLIGHT, field)
    moved = moved + 1
    returned = returned or kind == 'ready' or kind == 'suspect'
  else
    late = late + 1
  end
end
count('late', late)
call('HSET', REPLIES, 's:' .. worker, request .. ' ' .. moved .. ' ' .. late)
count_all()
if returned then wake(read_valve()) end
return {moved, late}
