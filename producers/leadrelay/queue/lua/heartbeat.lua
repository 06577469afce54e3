-- Extend a worker's lease on all that it holds, and take back what it does not hold: a broker that lost its last
-- writes has forgotten that it was settled, and the lease alone would keep it in flight for as long as the worker lives.
-- ARGV  worker, lease (ms), '1' when its tokens follow ('' while it waits for a reply), tokens
-- Gives {1 while the lease is still the worker's, epoch, seq}; {0, …} when it was rescued: it owns nothing
local worker, lease, told = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local epoch, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, RETURNING, SUSPECTS, FLIGHT, LEASES})
local seq = call('HGET', LEDGER, 'seq')
if not call('ZSCORE', LEASES, worker) then return {0, epoch, seq} end
call('ZADD', LEASES, NOW + lease, worker)
if not told then return {1, epoch, seq} end

local holds, returned = {}, 0
for i = 4, #ARGV do holds[worker .. ':' .. ARGV[i]] = true end
for _, field in ipairs(held_by(worker, call('HKEYS', FLIGHT))) do
  if not holds[field] then
    local raw = call('HGET', FLIGHT, field)
    put_back(parse(raw), raw)
    call('HDEL', FLIGHT, field)
    move('in_flight', 'ready', 1)
    returned = returned + 1
  end
end
count('rescued', returned)
count_all()
if returned > 0 then wake(read_valve()) end
return {1, epoch, seq}
