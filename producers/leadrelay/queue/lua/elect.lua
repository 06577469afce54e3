-- Become or stay the controller, and read what it decides by.
-- ARGV  worker, lease (ms)
-- Gives {0} while another worker is the controller, else {term, now ms, flow HASH flat, valve HASH flat, workers,
--       only dataset of what waits ('' none, '*' several)}
local worker, lease = ARGV[1], tonumber(ARGV[2])
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, VALVE, LEASES, FLOW})
local by, term, until_ms = string.match(call('HGET', FLOW, 'controller') or '', '^(%S+) (%d+) (%d+)$')
if by ~= worker then
  local left = (tonumber(until_ms) or 0) - NOW
  if left > 0 and left <= lease then return {0} end  -- a longer one is of a clock that went back
  term = whole((tonumber(term) or 0) + 1)
end
call('HSET', FLOW, 'controller', worker .. ' ' .. term .. ' ' .. whole(NOW + lease))
return {tonumber(term), whole(NOW), call('HGETALL', FLOW), call('HGETALL', VALVE), call('ZRANGE', LEASES, 0, -1),
        call('HGET', LEDGER, 'only_scope') or ''}
