-- Drop the oldest dead letters by a policy: those older than an age, or those beyond a number.
-- ARGV  reason, oldest kept (age in ms, '' any), most kept ('' any), most to drop in this call
-- Gives the number dropped; none for a day after the clock was set, since what looks old need not be
local reason, age, kept, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, DEAD, DEAD_AT, WATCHED, AUDIT})
if not ages_are_known() then return 0 end
local old = age and call('ZCOUNT', DEAD_AT, '-inf', whole(NOW - age)) or 0
local beyond = kept and call('ZCARD', DEAD_AT) - kept or 0
local number, dropped = math.min(most, math.max(old, beyond)), 0
for _, seq in ipairs(number > 0 and call('ZRANGE', DEAD_AT, 0, number - 1) or {}) do
  if drop_dead(seq) then dropped = dropped + 1 end
end
if dropped > 0 then
  audit('leadrelay\tprune\t' .. reason, dropped, AUDIT_LOOK)
  count('dropped', dropped)
  count('n:dead', -dropped)
  count_all()
end
return dropped
