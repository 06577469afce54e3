-- Put dead letters back into the queue: attempts and age start anew, the history stays.
-- ARGV  by whom, id of the replay that is counted (field of `replays`, '' none), what it is called in the audit,
--       '1' to replay stale ones too, then sequence numbers
-- Gives {replayed, stale, again}; stale ones and those that died again since that replay began stay dead.
-- Refused by a full broker.
--
-- The lane is taken here, or its run joined in order of sequence: what was accepted later and still waits comes
-- after. So a letter is stale only when something later has been delivered, or is on its way.
local by, id, what, allow = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local _, newer = open_books()
if newer then return newer end
expect({LEDGER, WAKE, RETURNING, HELD, LANES, DEAD, DEAD_AT, WATCHED, REPLAYS, AUDIT})
local valve = read_valve()
if refuses(valve) then return redis.error_reply('LEADRELAY_FULL') end
local record = id ~= '' and call('HGET', REPLAYS, id)
local state, begun, _, count_so_far, rest = string.match(record or '', '^(%a+)\t(%d+)\t(%d+)\t(%d+)\t(.*)$')
if id ~= '' and not state then return redis.error_reply('LEADRELAY_REPLAY it is not recorded') end

local replayed, stale, again = 0, 0, 0
for i = 5, #ARGV do
  local m, reason, died = parse_dead(call('HGET', DEAD, ARGV[i]))
  if m and begun and died > tonumber(begun) then
    again = again + 1
  elseif m and not allow and (m.order == STALE or overtaken(m)) then
    stale = stale + 1
  elseif m then
    if overtaken(m) then m.order = STALE end
    m.attempts, m.suspect, m.replays, m.open = 0, 0, m.replays + 1, whole(open_clock(valve))
    if m.lane ~= '-' and head_of(m.lane) then
      hold(m.lane, m, render(m))
      move('dead', 'held', 1)
    else
      call('LPUSH', RETURNING, render(m))
      if m.lane ~= '-' then call('HSET', LANES, m.lane, m.seq) end
      move('dead', 'ready', 1)
    end
    note_scope(m.scope)
    exhume(m.seq, m, reason)
    replayed = replayed + 1
  end
end
if replayed > 0 then
  audit(by .. '\treplay\t' .. what, replayed)
  count('replayed', replayed)
  count_all()
  wake(valve)
end
if state then
  call('HSET', REPLAYS, id, table.concat({'running', begun, whole(NOW), whole(count_so_far + replayed), rest}, '\t'))
end
return {replayed, stale, again}
