-- Change what the claim may hand out.
-- ARGV  by whom, the controller's term ('' when an operator acts), then per change: operation, number of arguments,
--       arguments
--       pause: for (ms, 0 until resumed), reason    resume    ceiling: events a second ('' none)    full: for (ms)
--       breaker: key, state, reason, since (ms, '' now), next probe (ms, ''), rate ('' none), seq that tripped it
--                (''), record ('1' when it goes into the audit)
--           key: '' all, a scope, or '@' and a worker; state: open | half_open | limited | closed
--       probe: whatever is open is tried now    force: key; closed, at a low rate, and what is rejected is buried
--       remember: the controller's memory    seen: field of `flow`, value that it has read
-- Gives 1, or 0 when the term has ended: another worker is the controller, and nothing was done
local by, term = ARGV[1], ARGV[2]
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, VALVE, WAKE, AUDIT, FLOW})
if term ~= '' and string.match(call('HGET', FLOW, 'controller') or '', '^(%S+ %d+) ') ~= by .. ' ' .. term then return 0 end

local function record(what) audit(by .. '\t' .. what, 0) end

-- Status reads "<since> <next probe> <reason>".
local function status(since, probe, reason)
  return (since == '' and whole(NOW) or since) .. ' ' .. (probe == '' and '0' or probe) .. ' ' .. reason
end

local function set(field, value)
  if value == '' then call('HDEL', VALVE, field) else call('HSET', VALVE, field, value) end
end

local function breaker_of_all(state, reason, since, probe, rate, tripped_by)
  set('breaker', (state == 'open' or state == 'half_open') and state or '')
  set('breaker_told', state ~= 'closed' and status(since, probe, reason) or '')
  set('tripped_by', tripped_by)
  set('rate', rate)
  call('HDEL', VALVE, 'probe_until')
end

-- A scope that closes is drained in order before its new messages go straight through; the claim does it.
local function breaker_of_one(key, state, reason, since, probe, rate, tripped_by)
  local worker, scopes = string.sub(key, 1, 1) == '@', call('HGET', VALVE, 'scopes') or ''
  local listed = worker or string.find(' ' .. scopes, ' ' .. key .. ' ', 1, true)
  if state == 'closed' and (worker or not listed) then
    call('HDEL', VALVE, 'b:' .. key, 'p:' .. key, 'q:' .. key, 'r:' .. key, 't:' .. key)
    return
  end
  if not listed then call('HSET', VALVE, 'scopes', scopes .. key .. ' ') end
  call('HSET', VALVE, 'b:' .. key, state == 'closed' and 'draining' or state, 'r:' .. key, status(since, probe, reason))
  set('q:' .. key, rate)
  set('t:' .. key, tripped_by)
  call('HDEL', VALVE, 'p:' .. key)
end

local function keys_of_breakers(valve)
  local keys = {}
  if valve.breaker then keys[1] = '' end
  for field in pairs(valve) do
    local key = string.match(field, '^b:(.+)$')
    if key then keys[#keys + 1] = key end
  end
  return keys
end

local change = {}

function change.pause(length, reason)
  call('HSET', VALVE, 'paused', 1, 'pause_by', by, 'pause_reason', reason, 'pause_since', whole(NOW))
  set('pause_until', tonumber(length) > 0 and whole(NOW + tonumber(length)) or '')
  call('DEL', WAKE)
  record('pause\t' .. reason)
end

function change.resume()
  if call('HDEL', VALVE, 'paused', 'pause_until', 'pause_by', 'pause_reason', 'pause_since') > 0 then record('resume\t') end
end

function change.ceiling(rate)
  set('ceiling', rate)
  record('rate\t' .. (rate == '' and 'no ceiling' or 'at most ' .. rate .. ' a second'))
end

function change.breaker(key, state, reason, since, probe, rate, tripped_by, recorded)
  local act = key == '' and breaker_of_all or function(...) breaker_of_one(key, ...) end
  act(state, reason, since, probe, rate, tripped_by)
  if recorded == '1' then record('breaker\t' .. (key == '' and 'all' or key) .. ' ' .. state .. ': ' .. reason) end
end

function change.probe()
  local valve = read_valve()
  if valve.breaker == 'open' then call('HSET', VALVE, 'breaker', 'half_open') end
  for _, key in ipairs(keys_of_breakers(valve)) do
    if valve['b:' .. key] == 'open' then call('HSET', VALVE, 'b:' .. key, 'half_open') end
  end
end

function change.force(key)
  local valve = read_valve()
  if valve.breaker and call('HGET', LEDGER, 'only_scope') == key then key = '' end
  for _, each in ipairs(key == '' and keys_of_breakers(valve) or valve['b:' .. key] and {key} or {}) do
    change.breaker(each, string.sub(each, 1, 1) == '@' and 'closed' or 'limited', 'closed by ' .. by, '', '', '1', '', '1')
  end
  for _, field in ipairs(call('HKEYS', FLOW)) do
    if field == 'run:' .. key or (key == '' and string.sub(field, 1, 4) == 'run:') then call('HSET', FLOW, field, -1) end
  end
end

function change.full(length)
  set('full_until', length ~= '0' and whole(NOW + tonumber(length)) or '')
end

function change.remember(memory) call('HSET', FLOW, 'memory', memory) end

-- What was counted since stays.
function change.seen(field, value)
  local number = string.sub(field, 1, 2) == 'n ' and call('HINCRBY', FLOW, field, -tonumber(value))
  if (number and number <= 0) or (not number and call('HGET', FLOW, field) == value) then call('HDEL', FLOW, field) end
end

local QUIET = {remember = true, seen = true}
local i, changed = 3, false
while i <= #ARGV do
  local last = i + 1 + tonumber(ARGV[i + 1])
  change[ARGV[i]](unpack(ARGV, i + 2, last))
  changed = changed or not QUIET[ARGV[i]]
  i = last + 1
end
if changed then
  local valve = read_valve()
  mark_valve(valve)
  wake(valve)
end
return 1
