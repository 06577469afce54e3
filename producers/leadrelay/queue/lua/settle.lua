-- Settle messages in flight: each by its token, each standing alone.
-- ARGV  worker, request id, then per settlement: token, kind, argument, attempt ('' = not charged)
--       kinds: delivered | scheduled (delay ms) | dead (reason) | dropped (reason) | ready | suspect
-- Gives {moved, late}; the same request id gives the same answer again and moves nothing
local worker, request = ARGV[1], ARGV[2]
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, RETURNING, SUSPECTS, FLIGHT, REPLIES, SCHEDULED, HELD, LANES, DEAD, DEAD_AT, AUDIT})

local last = call('HGET', REPLIES, 's:' .. worker)
if last then
  local id, moved, late = string.match(last, '^(%S+) (%d+) (%d+)$')
  if id == request then return {tonumber(moved), tonumber(late)} end
end

local settle = {}

function settle.delivered(m)
  release_lane(m)
  count('delivered', 1)
  count('n:in_flight', -1)
end

function settle.scheduled(m, delay)
  call('ZADD', SCHEDULED, NOW + (tonumber(delay) or 0), render(m))
  count('retried', 1)
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
