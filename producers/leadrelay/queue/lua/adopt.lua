-- Adopt messages of plain Celery producers from one inbox list: oldest first, each counted once.
-- KEYS  after the shared ones: the inbox LIST (or one of its priority lists)
-- ARGV  window of remembered eids, then per message: sha1 of the raw message, kind, argument, eid, lane,
--       scope, label, names (dataset and title, a line each), payload
--       kinds: ready | scheduled (due, broker ms) | dead (reason) | dropped (reason)
-- Gives the number taken; stops where the oldest message is not the one described (another worker was faster)
local INBOX, window = KEYS[SHARED + 1], tonumber(ARGV[1])
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, READY, SCHEDULED, DEAD, DEAD_AT, WATCHED, RECENT, RECENT_OLD, AUDIT})
call('LLEN', INBOX)
local valve = read_valve()
local open = open_clock(valve)
local seq = tonumber(call('HGET', LEDGER, 'seq'))
local taken, adopted = 0, 0
for i = 2, #ARGV, 9 do
  local raw = call('LINDEX', INBOX, -1)
  if not raw or redis.sha1hex(raw) ~= ARGV[i] then break end
  local kind, argument, eid = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if seen(eid) then
    count('deduplicated', 1)
  else
    seq, adopted = seq + 1, adopted + 1
    local m = fresh(seq, eid, ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], ARGV[i + 7], open, ARGV[i + 8])
    local message = render(m)
    if kind == 'ready' or kind == 'scheduled' then note_scope(m.scope) end
    if kind == 'ready' then
      call('LPUSH', READY, message)
      count('n:ready', 1)
    elseif kind == 'scheduled' then
      call('ZADD', SCHEDULED, tonumber(argument) - NOW + due_clock(), message)
      count('n:scheduled', 1)
    elseif kind == 'dead' then
      bury(m, argument)
      count('n:dead', 1)
    else
      audit('inbox\tdrop\t' .. argument, 1, AUDIT_LOOK)
      count('dropped', 1)
      tell(m, 'dropped', 1)
    end
    remember({eid, whole(seq)}, window)
  end
  call('RPOP', INBOX)
  taken = taken + 1
end
count('seq', adopted)
count('accepted', adopted)
count('adopted', adopted)
count_all()
if adopted > 0 then wake(valve) end
return taken
