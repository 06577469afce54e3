-- Look at the oldest messages of one inbox list; they stay there.
-- KEYS  after the shared ones: the inbox LIST (or one of its priority lists)
-- ARGV  most messages, most bytes (one message always fits)
-- Gives the messages, oldest first
local INBOX, limit, room = KEYS[SHARED + 1], tonumber(ARGV[1]), tonumber(ARGV[2])
local raws = {}
while #raws < limit do
  local raw = call('LINDEX', INBOX, -1 - #raws)
  if not raw or (#raws > 0 and #raw > room) then break end
  room = room - #raw
  raws[#raws + 1] = raw
end
return raws
