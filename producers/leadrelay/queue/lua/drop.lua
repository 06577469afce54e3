-- Drop dead letters for good, by a recorded act.
-- ARGV  by whom, reason, then sequence numbers
-- Gives the number dropped
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, DEAD, DEAD_AT, AUDIT})
local dropped = 0
for i = 3, #ARGV do
  if drop_dead(ARGV[i]) then dropped = dropped + 1 end
end
if dropped > 0 then
  audit(ARGV[1] .. '\tdrop\t' .. ARGV[2], dropped)
  count('dropped', dropped)
  count('n:dead', -dropped)
  count_all()
end
return dropped
