-- Record a replay: begin it (or go on with it), and say how it ended.
-- ARGV  'begin', id, since (ms, '' none), until (ms, '' none), by whom, filter
--       'end', id, state (stopped | done)
-- Gives its record: "state TAB begun ms TAB last step ms TAB replayed TAB since TAB until TAB by TAB filter"; '' when
-- there is none to end. One that is not done goes on: what died after it began is not its own.
local KEPT = 100
local operation, id = ARGV[1], ARGV[2]
local _, newer = open_books()
if newer then return newer end
expect({REPLAYS})

local function forget_oldest()
  local flat, oldest, oldest_step = call('HGETALL', REPLAYS), nil, math.huge
  for i = 1, #flat, 2 do
    local step = tonumber(string.match(flat[i + 1], '^%a+\t%d+\t(%d+)'))
    if step < oldest_step then oldest, oldest_step = flat[i], step end
  end
  call('HDEL', REPLAYS, oldest)
end

local record = call('HGET', REPLAYS, id)
local state, numbers, rest = string.match(record or '', '^(%a+)(\t%d+\t%d+\t%d+)(\t.*)$')
if operation == 'end' then
  if not state then return '' end
  record = ARGV[3] .. numbers .. rest
elseif state == 'running' or state == 'stopped' then
  record = 'running' .. numbers .. rest
else
  if not record and call('HLEN', REPLAYS) >= KEPT then forget_oldest() end
  record = table.concat({'running', whole(NOW), whole(NOW), 0, ARGV[3], ARGV[4], ARGV[5], ARGV[6]}, '\t')
end
call('HSET', REPLAYS, id, record)
return record
