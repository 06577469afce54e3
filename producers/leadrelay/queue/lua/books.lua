-- Read the books and the lengths that they must agree with, in one moment. Writes nothing: an empty namespace stays so.
-- ARGV  none
-- Gives {now ms, the ledger HASH flat, the valve HASH flat, lengths: ready returning bulk suspects scheduled held
--        in_flight dead dead_at lanes leases wake audit, oldest accepted ms ('' none), the leases flat}
local schema = tonumber(call('HGET', LEDGER, 'schema'))
if schema and schema > VERSION then return redis.error_reply('LEADRELAY_SCHEMA ' .. schema) end
local oldest
for _, list in ipairs({READY, RETURNING, BULK, SUSPECTS}) do
  local raw = call('LINDEX', list, -1)
  local m = raw and parse(raw)
  if m and (not oldest or tonumber(m.at) < oldest) then oldest = tonumber(m.at) end
end
local lengths = {}
for i, key in ipairs({READY, RETURNING, BULK, SUSPECTS, SCHEDULED, HELD, FLIGHT, DEAD, DEAD_AT, LANES, LEASES, WAKE,
                     AUDIT}) do
  lengths[i] = call(LENGTH[key], key)
end
return {whole(NOW), call('HGETALL', LEDGER), call('HGETALL', VALVE), lengths, oldest and whole(oldest) or '',
        call('ZRANGE', LEASES, 0, -1, 'WITHSCORES')}
