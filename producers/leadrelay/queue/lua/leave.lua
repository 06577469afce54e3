-- Sign a worker off that holds nothing any more.
-- ARGV  worker
-- Gives 1, or 0 when it still holds messages: then its lease stays and they are rescued
local worker = ARGV[1]
local _, newer = open_books()
if newer then return newer end
expect({WAKE, FLIGHT, LEASES, REPLIES})
for _, field in ipairs(call('HKEYS', FLIGHT)) do
  if string.sub(field, 1, #worker + 1) == worker .. ':' then return 0 end
end
forget_worker(worker)
wake(read_valve())
return 1
