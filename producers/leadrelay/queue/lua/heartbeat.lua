-- Extend a worker's lease on all that it holds.
-- ARGV  worker, lease (ms)
-- Gives {1 while the lease is still the worker's, epoch, seq}; {0, …} when it was rescued: it owns nothing
local epoch, newer = open_books()
if newer then return newer end
expect({LEASES})
local seq = call('HGET', LEDGER, 'seq')
if not call('ZSCORE', LEASES, ARGV[1]) then return {0, epoch, seq} end
call('ZADD', LEASES, NOW + tonumber(ARGV[2]), ARGV[1])
return {1, epoch, seq}
