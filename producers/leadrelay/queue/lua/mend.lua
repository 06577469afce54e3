-- Mend, a little in each call, what a broker leaves that lost a key (an eviction, a DEL, a restore of a part). All scripts
-- keep these in step, so nothing is found unless something else wrote here.
-- ARGV  lease (ms), run of `held` that was looked at last ('' to begin), most runs, cursor of the dead letters ('0' to begin)
-- Gives {the next run ('' at the end), the next cursor, workers given a lease, runs let go, dead letters put in order}
local lease, run, most, cursor = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, VALVE, WAKE, RETURNING, SUSPECTS, FLIGHT, LEASES, HELD, LANES, DEAD, DEAD_AT, AUDIT})

-- Without a lease nobody rescues what a dead worker held.
local function give_leases()
  local given, looked_at = 0, {}
  for _, field in ipairs(call('HKEYS', FLIGHT)) do
    local worker = string.match(field, '^(.*):')
    if worker and not looked_at[worker] then
      looked_at[worker] = true
      given = given + call('ZADD', LEASES, 'NX', NOW + lease, worker)
    end
  end
  return given
end

-- A run waits for its head, or for a breaker; without either it would wait for ever.
local function let_go()
  if string.sub(run, 1, 1) ~= '!' then return not head_of(run) and promote_next(run) end
  local scope = string.sub(run, 2)
  local scopes, state = unpack(call('HMGET', VALVE, 'scopes', 'b:' .. scope))
  scopes = scopes or ''
  local listed = string.find(' ' .. scopes, ' ' .. scope .. ' ', 1, true)
  if listed and state then return false end
  call('HSET', VALVE, 'scopes', listed and scopes or scopes .. scope .. ' ', 'b:' .. scope, state or 'draining')
  return true
end

local function look_at_runs()
  local freed = 0
  for _ = 1, most do
    local member = call('ZRANGEBYLEX', HELD, run == '' and '-' or '(' .. run .. '}', '+', 'LIMIT', 0, 1)[1]
    run = member and string.match(member, '^[^|]*') or ''
    if run == '' then break end
    if let_go() then freed = freed + 1 end
  end
  return freed
end

-- Letters without a place in the order of death, or places without a letter.
local function order_the_dead()
  local letters, places, ordered, flat = call('HLEN', DEAD), call('ZCARD', DEAD_AT), 0, nil
  if letters == places then return 0 end
  cursor, flat = unpack(letters > places and call('HSCAN', DEAD, cursor, 'COUNT', 100) or call('ZSCAN', DEAD_AT, cursor, 'COUNT', 100))
  for i = 1, #flat, 2 do
    if letters > places then
      ordered = ordered + call('ZADD', DEAD_AT, 'NX', tonumber(string.match(flat[i + 1], '^%d+')) or NOW, flat[i])
    elseif call('HEXISTS', DEAD, flat[i]) == 0 then
      ordered = ordered + call('ZREM', DEAD_AT, flat[i])
    end
  end
  return ordered
end

local given, freed, ordered = give_leases(), look_at_runs(), order_the_dead()
count_all()
if given > 0 then audit('leadrelay\tmend\tworkers without a lease', given, AUDIT_LOOK) end
if ordered > 0 then audit('leadrelay\tmend\tthe order of dead letters', ordered, AUDIT_LOOK) end
if freed > 0 then
  audit('leadrelay\tmend\tlanes and datasets that waited for nothing', freed, AUDIT_LOOK)
  wake(read_valve())
end
return {run, cursor, given, freed, ordered}
