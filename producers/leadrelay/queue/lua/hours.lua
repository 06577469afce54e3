-- Keep the report's rows: set the limit of on time, forget old hours; about 1,000 fields a call; none for a day after
-- the clock was set.
-- ARGV  on time (ms), hours kept, cursor ('0' to begin)
-- Gives {next cursor ('0' at the end), number of fields forgotten}
local _, newer = open_books()
if newer then return newer end
expect({})
local known = ages_are_known()
local oldest = math.floor(NOW / HOUR) - tonumber(ARGV[2])
local cursor, flat = unpack(call('HSCAN', HOURS, ARGV[3], 'COUNT', 1000))
local old = {}
for i = 1, #flat, 2 do
  local hour = tonumber(string.match(flat[i], '^%d+'))
  if hour and hour < oldest and known then old[#old + 1] = flat[i] end
end
if #old > 0 then call('HDEL', HOURS, unpack(old)) end
call('HSET', HOURS, 'on_time_ms', ARGV[1])
return {cursor, #old}
