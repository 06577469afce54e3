-- Add up the dead letters by reason over some rows of the report, about 1,000 fields a call. Writes nothing.
-- ARGV  cursor ('0' to begin)
-- Gives {next cursor ('0' at the end), then a reason and a number, …}
local cursor, flat = unpack(call('HSCAN', HOURS, ARGV[1], 'COUNT', 1000))
local dead = {}
for i = 2, #flat, 2 do
  for reason, number in string.gmatch(string.match(flat[i], '^[^\n]*'), 'dead:(%S+)=(%d+)') do
    dead[reason] = (dead[reason] or 0) + tonumber(number)
  end
end
local reply = {cursor}
for reason, number in pairs(dead) do
  reply[#reply + 1] = reason
  reply[#reply + 1] = whole(number)
end
return reply
