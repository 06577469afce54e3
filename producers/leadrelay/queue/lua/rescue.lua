-- Take back what workers whose lease has run out held: each message is a suspect from then on.
-- ARGV  run id of the broker process, lease (ms), most messages to move
-- Gives the number rescued. After a restart of the broker nothing is rescued for one lease: the workers
-- could not renew while it was away.
local run, lease, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, RETURNING, SUSPECTS, FLIGHT, LEASES, REPLIES, HELD, LANES, DEAD, DEAD_AT, WATCHED})

local known, after = unpack(call('HMGET', LEDGER, 'run', 'rescue_after'))
if known ~= run then
  call('HSET', LEDGER, 'run', run, 'rescue_after', whole(known and NOW + lease or NOW))
  if known then return 0 end
elseif NOW < tonumber(after) then
  return 0
end

local rescued = 0
local expired = call('ZRANGEBYSCORE', LEASES, '-inf', NOW, 'LIMIT', 0, 10)
if #expired == 0 then return 0 end
local fields = call('HKEYS', FLIGHT)
for _, worker in ipairs(expired) do
  for _, field in ipairs(held_by(worker, fields)) do
    if rescued == most then break end
    local m = parse(call('HGET', FLIGHT, field))
    move('in_flight', suspect(m), 1)
    call('HDEL', FLIGHT, field)
    rescued = rescued + 1
  end
  if rescued < most then forget_worker(worker) end
end
count('rescued', rescued)
count_all()
if rescued > 0 then wake(read_valve()) end
return rescued
