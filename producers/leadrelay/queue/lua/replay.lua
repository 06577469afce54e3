-- Put dead letters back into the queue: attempts and age start anew, the history stays.
-- ARGV  by whom, then sequence numbers
-- Gives the number replayed. Refused by a full broker.
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, RETURNING, DEAD, DEAD_AT, AUDIT})
local valve = read_valve()
if valve.full_until and NOW < tonumber(valve.full_until) then return redis.error_reply('LEADRELAY_FULL') end
local replayed = 0
for i = 2, #ARGV do
  local record = call('HGET', DEAD, ARGV[i])
  local m, reason = parse_dead(record)
  if m then
    m.attempts, m.suspect, m.open = 0, 0, whole(open_clock(valve))
    call('LPUSH', RETURNING, render(m))
    exhume(m.seq, m, reason)
    replayed = replayed + 1
  end
end
if replayed > 0 then
  audit(ARGV[1] .. '\treplay\tdead letters', replayed)
  count('replayed', replayed)
  move('dead', 'ready', replayed)
  count_all()
  wake(valve)
end
return replayed
