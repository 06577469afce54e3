-- Drop what is ready (Celery's `purge`), by a recorded act; lanes move on.
-- ARGV  by whom, most to drop in this call
-- Gives the number dropped
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, READY, RETURNING, BULK, SUSPECTS, HELD, LANES, WATCHED, AUDIT})
local most, dropped = tonumber(ARGV[2]), 0
for _, list in ipairs({SUSPECTS, RETURNING, READY, BULK}) do
  while dropped < most do
    local raw = call('RPOP', list)
    if not raw then break end
    local m, newer = parse(raw)
    m = m or newer
    if m then
      tell(m, 'dropped', 1)
      leave_lane(m)
      end_giving_way(m, IN_ORDER)
    end
    dropped = dropped + 1
  end
end
if dropped > 0 then
  audit(ARGV[1] .. '\tdrop\tpurge', dropped)
  count('dropped', dropped)
  count('n:ready', -dropped)
  count_all()
end
return dropped
