-- Drop the oldest dead letters by a policy: those older than an age, and those beyond a number.
-- ARGV  reason, oldest kept (age in ms), most kept, most to drop in this call
-- Gives the number dropped
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, DEAD, DEAD_AT, AUDIT})
local age, kept, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local excess = math.min(most, math.max(0, call('ZCARD', DEAD_AT) - kept))
local old = call('ZRANGEBYSCORE', DEAD_AT, '-inf', NOW - age, 'LIMIT', 0, most)
local seqs = #old >= excess and old or call('ZRANGE', DEAD_AT, 0, excess - 1)
for _, seq in ipairs(seqs) do drop_dead(seq) end
if #seqs > 0 then
  audit('leadrelay\tprune\t' .. ARGV[1], #seqs)
  count('dropped', #seqs)
  count('n:dead', -#seqs)
  count_all()
end
return #seqs
