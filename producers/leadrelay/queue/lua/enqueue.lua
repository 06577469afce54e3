-- Accept events: give each a sequence number, put it into ready (or bulk), count it, wake one worker.
-- KEYS  after the shared ones: batches HASH: source -> digest of the last batch that was accepted from it
-- ARGV  list (`ready` | `bulk`), deadline (broker ms, 0 none), window of remembered eids, source and digest of the
--       batch ('' none), then per event: eid, lane, scope, label, names (dataset and title, a line each), payload
-- Gives {now ms, epoch, seq …}: one seq an event, negative when the eid was accepted before (nothing done); of a batch
-- that was accepted before, the last seq given where the eid is no longer remembered
-- Errors: LEADRELAY_LATE past the deadline, LEADRELAY_FULL above the watermark; refused by a full broker
local epoch, newer = open_books()
if newer then return newer end
local list = ARGV[1] == 'bulk' and BULK or READY
expect({WAKE, list, RECENT, RECENT_OLD})
local BATCHES, source, batch = KEYS[SHARED + 1], ARGV[4], ARGV[5]
local again = source ~= '' and call('HGET', BATCHES, source) == batch
local valve = read_valve()
local deadline, window = tonumber(ARGV[2]), tonumber(ARGV[3])
if deadline > 0 and NOW > deadline then return redis.error_reply('LEADRELAY_LATE') end
if refuses(valve) then return redis.error_reply('LEADRELAY_FULL') end

local open = open_clock(valve)
local seq = tonumber(call('HGET', LEDGER, 'seq'))
local result, messages, new, here = {whole(NOW), epoch}, {}, {}, {}
for i = 6, #ARGV, 6 do
  local eid = ARGV[i]
  local known = here[eid] or seen(eid) or (again and whole(seq))
  if known then
    result[#result + 1] = '-' .. known
    count('deduplicated', 1)
  else
    seq = seq + 1
    here[eid] = whole(seq)
    note_scope(ARGV[i + 2])
    messages[#messages + 1] =
      render(fresh(seq, eid, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], open, ARGV[i + 5]))
    new[#new + 1] = eid
    new[#new + 1] = here[eid]
    result[#result + 1] = here[eid]
  end
end
if #messages > 0 then
  call('LPUSH', list, unpack(messages))
  remember(new, window)
  count('seq', #messages)
  count('accepted', #messages)
  count('n:ready', #messages)
  wake(valve)
end
if source ~= '' and not again then call('HSET', BATCHES, source, batch) end
count_all()
return result
