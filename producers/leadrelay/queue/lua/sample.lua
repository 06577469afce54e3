-- Keep a sample of the books: one for each step of time, whoever writes it.
-- KEYS  after the shared ones: for each resolution a LIST of "<at> <sample>", newest first
-- ARGV  at (broker ms at which the books were read), sample, then per resolution: step (ms), samples kept
-- Gives the number of lists that took it; 0 when every step has its sample, or this one was held up on its way
local at, sample = tonumber(ARGV[1]), ARGV[2]
local _, newer = open_books()
if newer then return newer end

local function newest(list) return tonumber(string.match(call('LINDEX', list, 0) or '', '^(%d+) ')) end

local taken = 0
for i = 3, #ARGV, 2 do
  local list, step, kept = KEYS[SHARED + (i - 1) / 2], tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  while (newest(list) or 0) > NOW do call('LPOP', list) end  -- the clock was set back
  local last = newest(list)
  if NOW - at < step and not (last and math.floor(last / step) >= math.floor(at / step)) then
    call('LPUSH', list, whole(at) .. ' ' .. sample)
    call('LTRIM', list, 0, kept - 1)
    taken = taken + 1
  end
end
return taken
