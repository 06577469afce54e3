-- Take back what workers whose lease has run out held: each message is a suspect from then on.
-- ARGV  run id of the broker process, lease (ms), most messages to move
-- Gives the number rescued
--
-- Nobody can renew a lease while the broker is away or hangs, and no lease means anything when the clock was set. So
-- after a restart, and when time passed unseen, every lease starts anew; the unseen time makes no event older. By how much
-- the clock was set back is added up for what is scheduled.
local run, lease, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, VALVE, WAKE, RETURNING, SUSPECTS, FLIGHT, LEASES, REPLIES, HELD, LANES, DEAD, DEAD_AT, WATCHED})

local known = call('HGET', LEDGER, 'run')
local unseen = steady_time() ~= NOW and NOW - looked or 0
call('HSET', LEDGER, 'run', run, 'looked', whole(NOW), 'set_back', whole(due_clock() - NOW))
if unseen ~= 0 or (known and known ~= run) then
  for _, worker in ipairs(call('ZRANGE', LEASES, 0, -1)) do call('ZADD', LEASES, NOW + lease, worker) end
  local valve = read_valve()
  if unseen ~= 0 and not valve.closed_since then  -- a closed valve counts it itself
    call('HSET', VALVE, 'closed_ms', whole((tonumber(valve.closed_ms) or 0) + unseen))
  end
  return 0
end

local rescued = 0
local expired = call('ZRANGEBYSCORE', LEASES, '-inf', NOW, 'LIMIT', 0, 10)
if #expired == 0 then return 0 end
local fields = call('HKEYS', FLIGHT)
for _, worker in ipairs(expired) do
  if rescued == most then break end
  for _, field in ipairs(held_by(worker, fields)) do
    if rescued == most then break end
    local raw = call('HGET', FLIGHT, field)
    local m = parse(raw)
    if m then
      move('in_flight', suspect(m), 1)
    else  -- of a newer version
      put_back(m, raw)
      move('in_flight', 'ready', 1)
    end
    call('HDEL', FLIGHT, field)
    rescued = rescued + 1
  end
  if rescued < most then forget_worker(worker) end
end
count('rescued', rescued)
count_all()
if rescued > 0 then wake(read_valve()) end
return rescued
