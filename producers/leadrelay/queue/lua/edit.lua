-- Give a dead letter new content: a new revision of the same eid.
-- ARGV  by whom, seq, revision that was edited, lane, scope, payload
-- Gives the new revision, 0 when there is no such dead letter, -1 when another edit came first
local _, newer = open_books()
if newer then return newer end
expect({DEAD, AUDIT})
local record = call('HGET', DEAD, ARGV[2])
if not record then return 0 end
local m, reason, at = parse_dead(record)
if m.revision ~= tonumber(ARGV[3]) then return -1 end
m.revision, m.lane, m.scope, m.payload = m.revision + 1, ARGV[4], ARGV[5], ARGV[6]
call('HSET', DEAD, m.seq, at .. ' ' .. reason .. '\n' .. render(m))
audit(ARGV[1] .. '\tedit\t' .. m.seq, 1)
return m.revision
