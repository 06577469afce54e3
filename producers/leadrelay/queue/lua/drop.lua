-- Drop dead letters for good, by a recorded act.
-- ARGV  by whom, reason, died at most (ms, '' any), then sequence numbers
-- Gives the number dropped
local by, reason, latest = ARGV[1], ARGV[2], tonumber(ARGV[3])
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, DEAD, DEAD_AT, WATCHED, AUDIT})
local dropped = 0
for i = 4, #ARGV do
  local died = tonumber(call('ZSCORE', DEAD_AT, ARGV[i]))
  if (not latest or (died and died <= latest)) and drop_dead(ARGV[i]) then dropped = dropped + 1 end
end
if dropped > 0 then
  audit(by .. '\tdrop\t' .. reason, dropped)
  count('dropped', dropped)
  count('n:dead', -dropped)
  count_all()
end
return dropped
