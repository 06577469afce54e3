-- Record that the broker's clock was set: for a day nothing is dropped for its age.
-- ARGV  by how much (ms)
-- Gives 1, or 0 when another worker has just recorded it
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, AUDIT})
local recorded = tonumber(call('HGET', LEDGER, 'clock_set_at'))
if recorded and math.abs(NOW - recorded) < UNSEEN then return 0 end
call('HSET', LEDGER, 'clock_set_at', whole(NOW), 'clock_set_ms', ARGV[1])
audit('leadrelay\tclock\tset by ' .. ARGV[1] .. ' ms', 0)
return 1
