-- Move scheduled messages whose time has come to returning, oldest first, and wake a worker.
-- ARGV  most messages to move
-- Gives the number moved
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, RETURNING, SCHEDULED})
local raws = call('ZRANGEBYSCORE', SCHEDULED, '-inf', due_clock(), 'LIMIT', 0, tonumber(ARGV[1]))
for _, raw in ipairs(raws) do
  call('LPUSH', RETURNING, raw)
  call('ZREM', SCHEDULED, raw)
end
move('scheduled', 'ready', #raws)
count_all()
if #raws > 0 then wake(read_valve()) end
return #raws
