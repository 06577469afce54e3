-- Let lanes go on whose head is gone: something else took it out of the queue.
-- ARGV  by whom, then per lane: lane, sequence number of its head, which was found nowhere
-- Gives how many went on; a lane that moved on meanwhile, or whose head is in flight, is left alone
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, RETURNING, SUSPECTS, FLIGHT, HELD, LANES, AUDIT})
local in_flight, freed = {}, 0
for _, field in ipairs(call('HKEYS', FLIGHT)) do in_flight[string.match(field, ':(%d+)%.') or ''] = true end
for i = 2, #ARGV, 2 do
  local lane, seq = ARGV[i], ARGV[i + 1]
  if head_of(lane) == seq and not in_flight[seq] then
    if not promote_next(lane) then call('HDEL', LANES, lane) end
    freed = freed + 1
  end
end
count_all()
if freed > 0 then
  audit(ARGV[1] .. '\tmend\tlanes whose head was gone', freed)
  wake(read_valve())
end
return freed
