-- Change what the claim may hand out.
-- ARGV  operation, by whom, then its arguments
--       pause: for (ms, 0 until resumed), reason    resume    rate: events a second ('' none)
--       breaker: scope ('' all), open | half_open | closed, reason, seq that tripped it ('')    full: for (ms)
-- Gives 1
local operation, by = ARGV[1], ARGV[2]
local _, newer = open_books()
if newer then return newer end
expect({VALVE, WAKE, AUDIT})

local change = {}

function change.pause()
  local length = tonumber(ARGV[3])
  call('HSET', VALVE, 'paused', 1, 'pause_by', by, 'pause_reason', ARGV[4], 'pause_since', whole(NOW))
  if length > 0 then
    call('HSET', VALVE, 'pause_until', whole(NOW + length))
  else
    call('HDEL', VALVE, 'pause_until')
  end
  call('DEL', WAKE)
end

function change.resume() call('HDEL', VALVE, 'paused', 'pause_until', 'pause_by', 'pause_reason', 'pause_since') end

function change.rate()
  if ARGV[3] == '' then
    call('HDEL', VALVE, 'rate', 'bucket', 'bucket_at')
  else
    call('HSET', VALVE, 'rate', ARGV[3], 'bucket', 0, 'bucket_at', whole(NOW))
  end
end

local function breaker_of_all(state)
  if state == 'closed' then
    call('HDEL', VALVE, 'breaker', 'breaker_reason', 'breaker_since', 'probe_until', 'tripped_by')
  else
    call('HSET', VALVE, 'breaker', state, 'breaker_reason', ARGV[5], 'breaker_since', whole(NOW),
         'tripped_by', ARGV[6] or '')
    call('HDEL', VALVE, 'probe_until')
  end
end

-- A scope that closes again is drained in order before its new messages go straight through.
local function breaker_of_scope(scope, state)
  local scopes = call('HGET', VALVE, 'scopes') or ''
  local listed = string.find(' ' .. scopes, ' ' .. scope .. ' ', 1, true)
  if state == 'closed' and not listed then return end
  if not listed then call('HSET', VALVE, 'scopes', scopes .. scope .. ' ') end
  call('HSET', VALVE, 'b:' .. scope, state == 'closed' and 'draining' or state, 'r:' .. scope, ARGV[5])
  call('HDEL', VALVE, 'p:' .. scope)
end

function change.breaker()
  if ARGV[3] == '' then breaker_of_all(ARGV[4]) else breaker_of_scope(ARGV[3], ARGV[4]) end
end

function change.full()
  if ARGV[3] == '0' then
    call('HDEL', VALVE, 'full_until')
  else
    call('HSET', VALVE, 'full_until', whole(NOW + tonumber(ARGV[3])))
  end
end

change[operation]()
if operation ~= 'full' then audit(by .. '\t' .. operation .. '\t' .. table.concat(ARGV, ' ', 3), 0) end
local valve = read_valve()
mark_valve(valve)
wake(valve)
return 1
