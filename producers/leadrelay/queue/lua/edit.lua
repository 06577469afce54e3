-- Give a dead letter new content: a new revision of the same eid.
-- ARGV  by whom, seq, revision that was edited, lane, scope, payload
-- Gives the new revision, 0 when there is no such dead letter, -1 when another edit came first, -2 when its record
-- cannot be read. In another lane it is stale: what was delivered there meanwhile is not known.
local by, seq, revision, lane, scope, payload = unpack(ARGV)
local _, newer = open_books()
if newer then return newer end
expect({DEAD, WATCHED, AUDIT})
local record = call('HGET', DEAD, seq)
if not record then return 0 end
local m, reason, died = parse_dead(record)
if not m then return -2 end
if m.revision ~= tonumber(revision) then return -1 end
local before = m.lane
m.revision, m.lane, m.scope, m.payload = m.revision + 1, lane, scope, payload
m.order = (m.order == STALE or lane ~= before) and lane ~= '-' and STALE or IN_ORDER
call('HSET', DEAD, seq, whole(died) .. ' ' .. reason .. '\n' .. render(m))
if lane ~= before then
  watch(lane, 1)
  watch(before, -1)
end
audit(by .. '\tedit\t' .. seq, 1)
return m.revision
