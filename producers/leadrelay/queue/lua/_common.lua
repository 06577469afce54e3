-- Shared by every script; the loader puts it in front of each of them.
--
-- KEYS (order and types as in keys.py, the one place that names them)
--    1 ledger HASH   2 valve HASH     3 wake LIST       4 ready LIST      5 returning LIST  6 bulk LIST
--    7 suspects LIST 8 flight HASH    9 leases ZSET    10 replies HASH   11 scheduled ZSET 12 held ZSET
--   13 lanes HASH   14 dead HASH     15 dead_at ZSET   16 recent HASH    17 recent_old HASH 18 audit LIST
--   19 hours HASH  20 flow HASH      21 watched HASH  22 replays HASH
--
-- A script validates, then moves, then counts: Lua does not roll back. A move writes the new place before
-- it leaves the old one, so that a failure in between could double an event but never lose one.

local LEDGER, VALVE, WAKE, READY, RETURNING, BULK = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local SUSPECTS, FLIGHT, LEASES, REPLIES, SCHEDULED, HELD = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local LANES, DEAD, DEAD_AT, RECENT, RECENT_OLD, AUDIT = KEYS[13], KEYS[14], KEYS[15], KEYS[16], KEYS[17], KEYS[18]
local HOURS, FLOW, WATCHED, REPLAYS = KEYS[19], KEYS[20], KEYS[21], KEYS[22]
local SHARED = 22         -- keys that every script is given; its own ones come after them

local VERSION = 1         -- of the message header and of the keys; a newer one is left alone
local HISTORY = 10        -- attempts kept with a message; the count goes on
local DEATHS = 2          -- worker deaths while claimed alone before an event is `poison`
local AUDIT_KEPT = 10000
local HOUR = 3600000      -- ms; events are reported by the hour in which they were accepted
local HOUR_ROWS = 100     -- rows of one hour, each a dataset and a title; what comes beyond goes into `~`
local AUDIT_MERGED = 3600000  -- ms for which an act that happens in steps is one entry
local AUDIT_LOOK = 50     -- newest entries among which one of what happens by itself is looked for
local LONGEST_REFUSAL = 60000  -- ms; it is renewed every few seconds
local UNSEEN = 15000      -- ms, half a lease: workers look at the clock each second, so more of it passed unseen

local call = redis.call
local LENGTH = {
  [LEDGER] = 'HLEN', [VALVE] = 'HLEN', [WAKE] = 'LLEN', [READY] = 'LLEN', [RETURNING] = 'LLEN', [BULK] = 'LLEN',
  [SUSPECTS] = 'LLEN', [FLIGHT] = 'HLEN', [LEASES] = 'ZCARD', [REPLIES] = 'HLEN', [SCHEDULED] = 'ZCARD',
  [HELD] = 'ZCARD', [LANES] = 'HLEN', [DEAD] = 'HLEN', [DEAD_AT] = 'ZCARD', [RECENT] = 'HLEN',
  [RECENT_OLD] = 'HLEN', [AUDIT] = 'LLEN', [HOURS] = 'HLEN', [FLOW] = 'HLEN', [WATCHED] = 'HLEN', [REPLAYS] = 'HLEN',
}

-- Reading a length of each key that a script writes raises WRONGTYPE before anything has moved. Any script may
-- write `hours`, when it counts.
local function expect(keys)
  for _, key in ipairs(keys) do call(LENGTH[key], key) end
  call('HLEN', HOURS)
end

local time = call('TIME')
local NOW = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(n) return string.format('%.0f', n) end

local tally = {}
local function count(what, by) tally[what] = (tally[what] or 0) + by end
local function move(from, to, by)
  count('n:' .. from, -by)
  count('n:' .. to, by)
end

-- For the report: `hours` has a row for each hour of acceptance and label, "<hour> <label>" -> "name=number …",
-- then a line with the dataset and one with the title. Whatever becomes of an event later is told in the row of the
-- hour in which it was accepted, so that each row balances as the books do; what is missing in it still waits.
local told, opened = {}, {}
local function tell(m, what, by)
  local row = math.floor(m.at / HOUR) .. ' ' .. m.label
  local more = told[row] or {}
  told[row] = more
  if what == 'late_max' then more[what] = math.max(more[what] or 0, by) else more[what] = (more[what] or 0) + by end
  return row
end

-- Only acceptance opens a row. Gives where a row is kept and its text: its own, else `~` (others) of its hour, else
-- (its hour was pruned) no text.
local function find_row(row)
  local text = call('HGET', HOURS, row)
  if text then return row, text end
  local hour = string.match(row, '^%S+')
  local other = hour .. ' ~'
  text = call('HGET', HOURS, other)
  if not opened[row] then return other, text end
  if (tonumber(call('HGET', HOURS, hour)) or 0) < HOUR_ROWS then
    call('HINCRBY', HOURS, hour, 1)
    return row, '\n' .. opened[row]
  end
  return other, text or '\n\n'
end

local function tell_all()
  for wanted, more in pairs(told) do
    local row, text = find_row(wanted)
    if text then
      local counts, names = string.match(text, '^([^\n]*)\n(.*)$')
      for name, number in string.gmatch(counts, '(%S+)=(%d+)') do
        number = tonumber(number)
        more[name] = name == 'late_max' and math.max(number, more[name] or 0) or number + (more[name] or 0)
      end
      local parts = {}
      for name, number in pairs(more) do
        if number ~= 0 then parts[#parts + 1] = name .. '=' .. whole(number) end
      end
      call('HSET', HOURS, row, table.concat(parts, ' ') .. '\n' .. names)
    end
  end
end

local function count_all()
  tell_all()
  local names, values = {}, {}
  for what, by in pairs(tally) do
    if by ~= 0 then names[#names + 1] = what end
  end
  if #names == 0 then return end
  for i, known in ipairs(call('HMGET', LEDGER, unpack(names))) do
    values[2 * i - 1], values[2 * i] = names[i], whole((tonumber(known) or 0) + tally[names[i]])
  end
  call('HSET', LEDGER, unpack(values))
end

-- Broker time when a worker last looked at it (`rescue`). When it is far from now, the clock was set, the broker hung or
-- no worker ran; until one has looked, nothing grows older.
local looked
local function steady_time() return looked and math.abs(NOW - looked) > UNSEEN and looked or NOW end

-- The clock of `scheduled`: broker time and all by which it was ever set back (`rescue`), so it never goes back itself. What
-- waits does not wait longer by the step.
local set_back = 0
local function due_clock() return math.max(NOW, looked or 0) + set_back end

-- For a day after the clock was set what looks old need not be: nothing is dropped for its age.
local function ages_are_known()
  local set_at = tonumber(call('HGET', LEDGER, 'clock_set_at'))
  return not set_at or math.abs(NOW - set_at) > 86400000
end

-- The books are opened by the first script that runs on an empty namespace. Returns the epoch.
local function open_books()
  local schema, epoch, seen_at, back = unpack(call('HMGET', LEDGER, 'schema', 'epoch', 'looked', 'set_back'))
  looked, set_back = tonumber(seen_at), tonumber(back) or 0
  if not schema then
    call('HSET', LEDGER, 'schema', VERSION, 'epoch', whole(NOW), 'seq', 0)
    return whole(NOW)
  end
  if tonumber(schema) > VERSION then
    return nil, redis.error_reply('LEADRELAY_SCHEMA ' .. schema)
  end
  return epoch
end

-- How a message stands to its lane. Stale: something newer of it went out before, so that sending this one puts older
-- values after newer. One that gave way is not stale yet. Neither keeps the lane waiting for its next attempt.
local IN_ORDER, STALE, GAVE_WAY = '0', '1', '2'

-- Header: version seq eid lane scope label accepted_ms open_ms claims attempts suspect revision replays order history
local HEADER =
  '^(%d+) (%d+) (%S+) (%S+) (%S+) (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ([012]) (%S+)\n()'

-- So it begins in every version. Of a message that a newer one wrote, this is all that is known, and enough to keep its lane.
local BEGINNING = '^(%d+) (%d+) (%S+) (%S+) (%S+) (%S+) (%d+) (%d+) ()'

local function parse_newer(raw)
  local version, seq, eid, lane, scope, label, at, open, rest = string.match(raw, BEGINNING)
  if (tonumber(version) or 0) <= VERSION then return nil end
  return {
    version = version, seq = seq, eid = eid, lane = lane, scope = scope, label = label, at = at, open = open,
    rest = string.sub(raw, rest), suspect = 0, order = IN_ORDER, history = '-',
  }
end

-- Returns the message; or nil, and what is known of it when a newer version wrote it.
local function parse(raw)
  local version, seq, eid, lane, scope, label, at, open, claims, attempts, suspect, revision, replays, order, history, start =
    string.match(raw, HEADER)
  if version ~= tostring(VERSION) then return nil, parse_newer(raw) end
  return {
    seq = seq, eid = eid, lane = lane, scope = scope, label = label, at = at, open = open, claims = tonumber(claims),
    attempts = tonumber(attempts), suspect = tonumber(suspect), revision = tonumber(revision),
    replays = tonumber(replays), order = order, history = history,
    payload = string.sub(raw, start),
  }
end

local function render(m)
  if m.rest then return table.concat({m.version, m.seq, m.eid, m.lane, m.scope, m.label, m.at, m.open, m.rest}, ' ') end
  return table.concat({
    VERSION, m.seq, m.eid, m.lane, m.scope, m.label, m.at, m.open, m.claims, m.attempts, m.suspect, m.revision,
    m.replays, m.order, m.history,
  }, ' ') .. '\n' .. m.payload
end

-- A new message; tells that it was accepted. `names`: its dataset and its title, a line each.
local function fresh(seq, eid, lane, scope, label, names, open, payload)
  local m = {
    seq = whole(seq), eid = eid, lane = lane, scope = scope, label = label, at = whole(NOW), open = whole(open),
    claims = 0, attempts = 0, suspect = 0, revision = 0, replays = 0, order = IN_ORDER, history = '-', payload = payload,
  }
  opened[tell(m, 'accepted', 1)] = names
  return m
end

-- `?` in an entry: the endpoint may have the event although nothing says so. The last of these are not forgotten.
local function note(m, attempt)
  local entries = {}
  if m.history ~= '-' then
    for entry in string.gmatch(m.history, '[^;]+') do entries[#entries + 1] = entry end
  end
  entries[#entries + 1] = attempt
  while #entries > HISTORY do
    table.remove(entries, string.find(entries[1], '?', 1, true) and not string.find(entries[2], '?', 1, true) and 2 or 1)
  end
  m.history = table.concat(entries, ';')
end

-- The clock by which events grow old: broker time less the time for which the valve was closed.
local function open_clock(valve)
  local now = steady_time()
  return now - (tonumber(valve.closed_ms) or 0) - (valve.closed_since and now - tonumber(valve.closed_since) or 0)
end

local function read_valve()
  local flat, valve = call('HGETALL', VALVE), {}
  for i = 1, #flat, 2 do valve[flat[i]] = flat[i + 1] end
  return valve
end

-- Keeps the closed time in step with what closes the valve.
local function mark_valve(valve)
  local closed, now = valve.paused or valve.breaker, steady_time()
  if closed and not valve.closed_since then
    call('HSET', VALVE, 'closed_since', whole(now))
  elseif not closed and valve.closed_since then
    call('HSET', VALVE, 'closed_ms', whole((tonumber(valve.closed_ms) or 0) + now - tonumber(valve.closed_since)))
    call('HDEL', VALVE, 'closed_since')
  end
end

-- While memory is short; a refusal that is too long is of a clock that went back.
local function refuses(valve)
  local left = (tonumber(valve.full_until) or 0) - NOW
  return left > 0 and left <= LONGEST_REFUSAL
end

local function wake(valve)
  if not valve.paused and valve.breaker ~= 'open' and call('LLEN', WAKE) == 0 then call('LPUSH', WAKE, '1') end
end

-- The ledger remembers the only dataset of all events that wait, '*' once there are several, until nothing waits:
-- with one dataset its breaker is the breaker of all, and its backlog can stay in the lists.
local only_scope, only_read
local function note_scope(scope)
  if not only_read then
    local known = call('HMGET', LEDGER, 'only_scope', 'n:ready', 'n:scheduled', 'n:held', 'n:in_flight')
    local waiting = 0
    for i = 2, 5 do waiting = waiting + (tonumber(known[i]) or 0) end
    only_read, only_scope = true, waiting > 0 and known[1] or nil
  end
  if only_scope == scope or only_scope == '*' then return end
  only_scope = only_scope and '*' or scope
  call('HSET', LEDGER, 'only_scope', only_scope)
end

local function padded(seq) return string.format('%016.0f', tonumber(seq)) end

-- `held` is one sorted set read by name: "<lane or !scope>|<seq>|<message>", so each lane is a run in order.
local function hold(run, m, raw) call('ZADD', HELD, 0, run .. '|' .. padded(m.seq) .. '|' .. raw) end

local function first_held(run)
  local member = call('ZRANGEBYLEX', HELD, '[' .. run .. '|', '(' .. run .. '}', 'LIMIT', 0, 1)[1]
  if member then return member, string.sub(member, #run + 19) end
end

-- To the head of the queue; an event whose worker died waits where it will be claimed alone. `m` is nil for one of a newer
-- version: a worker that can read it claims it from there.
local function put_back(m, raw) call('RPUSH', m and m.suspect > 0 and SUSPECTS or RETURNING, raw) end

-- `lanes`: lane -> "<seq of its head>"; once the head failed by itself, "<seq> <its age then> <delivered by then>".
local function head_of(lane) return string.match(call('HGET', LANES, lane) or '', '^%d+') end

-- The next that is held becomes the head of its lane. Gives whether there was one.
local function promote_next(lane)
  local member, raw = first_held(lane)
  if not member then return false end
  put_back(parse(raw), raw)
  call('HSET', LANES, lane, whole(tonumber(string.sub(member, #lane + 2, #lane + 17))))
  call('ZREM', HELD, member)
  move('held', 'ready', 1)
  return true
end

local function release_lane(m)
  if m.lane == '-' or head_of(m.lane) ~= m.seq then return end
  if not promote_next(m.lane) then call('HDEL', LANES, m.lane) end
end

-- `watched`: lane -> how many of its events are dead or gave way, and the highest seq sent since the first of them.
local function watched(lane)
  local waiting, highest = string.match(lane ~= '-' and call('HGET', WATCHED, lane) or '', '^(%d+) (%d+)$')
  return tonumber(waiting) or 0, tonumber(highest) or 0
end

local function watch(lane, by)
  if lane == '-' then return end
  local waiting, highest = watched(lane)
  if waiting + by > 0 then
    call('HSET', WATCHED, lane, waiting + by .. ' ' .. whole(highest))
  else
    call('HDEL', WATCHED, lane)
  end
end

-- Whether an event of the same lane that was accepted later has been sent, or will be before this one.
local function overtaken(m)
  if m.lane == '-' then return false end
  local _, highest = watched(m.lane)
  return math.max(highest, tonumber(head_of(m.lane)) or 0) > tonumber(m.seq)
end

-- A message ends or gives way, and its lane moves on. When it was delivered, or may have been (`?`), those of its lane
-- that are dead or gave way and were accepted before it are overtaken.
local function leave_lane(m, delivered)
  if m.lane == '-' then return end
  if delivered or string.find(m.history, '?', 1, true) then
    local waiting, highest = watched(m.lane)
    if waiting > 0 and tonumber(m.seq) > highest then call('HSET', WATCHED, m.lane, waiting .. ' ' .. m.seq) end
  end
  release_lane(m)
end

local function give_way(m)
  m.order = GAVE_WAY
  watch(m.lane, 1)
end

-- Watched no more: found stale, or at its end.
local function end_giving_way(m, order)
  if m.order ~= GAVE_WAY then return end
  m.order = order
  watch(m.lane, -1)
end

local function bury(m, reason)
  end_giving_way(m, IN_ORDER)
  tell(m, 'dead:' .. reason, 1)
  count('died', 1)
  call('HSET', DEAD, m.seq, whole(NOW) .. ' ' .. reason .. '\n' .. render(m))
  call('ZADD', DEAD_AT, NOW, m.seq)
  watch(m.lane, 1)
end

-- A worker died with it, or let go of it after too long. Returns where the event went.
local function suspect(m)
  m.suspect = m.suspect + 1
  note(m, whole(NOW) .. ':' .. whole(m.attempts + 1) .. ':lost?:worker:0')
  if m.suspect > DEATHS then
    bury(m, 'poison')
    leave_lane(m)
    return 'dead'
  end
  put_back(m, render(m))
  return 'ready'
end

-- Which fields of `flight` are a worker's, the newest event first: put back one by one, the oldest comes first again.
local function held_by(worker, fields)
  local mine = {}
  for _, field in ipairs(fields) do
    if string.sub(field, 1, #worker + 1) == worker .. ':' then mine[#mine + 1] = field end
  end
  local function seq_of(field) return tonumber(string.match(field, ':(%d+)%.')) or 0 end
  table.sort(mine, function(a, b) return seq_of(a) > seq_of(b) end)
  return mine
end

-- A worker that is gone: its lease, its last replies, and its turn to claim a suspect.
local function forget_worker(worker)
  call('ZREM', LEASES, worker)
  call('HDEL', REPLIES, 'c:' .. worker, 's:' .. worker)
  if string.match(call('HGET', REPLIES, 'alone') or '', '^(%S+) ') == worker then call('HDEL', REPLIES, 'alone') end
end

local function seen(eid) return call('HGET', RECENT, eid) or call('HGET', RECENT_OLD, eid) end

-- Remembers eids (a flat list of eid, seq); the newer half becomes the older one when it is full.
local function remember(flat, window)
  if #flat == 0 then return end
  if call('HLEN', RECENT) >= window then call('RENAME', RECENT, RECENT_OLD) end
  call('HSET', RECENT, unpack(flat))
end

-- What happens in steps (a drop of thousands, a policy each second) is one entry an hour, with its sum. It is looked for
-- among the newest `look` entries: several things that happen by themselves in turns push nothing else out.
local function audit(text, number, look)
  for i, entry in ipairs(number > 0 and call('LRANGE', AUDIT, 0, (look or 1) - 1) or {}) do
    local at, sum, same = string.match(entry, '^(%d+)\t(%d+)\t(.*)$')
    if same == text and NOW - tonumber(at) < AUDIT_MERGED then
      call('LSET', AUDIT, i - 1, at .. '\t' .. whole(sum + number) .. '\t' .. text)
      return
    end
  end
  call('LPUSH', AUDIT, whole(NOW) .. '\t' .. number .. '\t' .. text)
  call('LTRIM', AUDIT, 0, AUDIT_KEPT - 1)
end

-- Returns the message, its reason and the time of death; no message when the record cannot be read, and then what is
-- known of it when a newer version wrote it.
local function parse_dead(record)
  local at, reason, start = string.match(record or '', '^(%d+) (%S+)\n()')
  if not start then return nil end
  local m, newer = parse(string.sub(record, start))
  return m, reason, tonumber(at), newer
end

-- Takes a record out of the dead letters; `m` is nil when it cannot be read. Gives whether it was there.
local function exhume(seq, m, reason)
  local there = call('HDEL', DEAD, seq) == 1
  call('ZREM', DEAD_AT, seq)
  if there and m then
    tell(m, 'dead:' .. reason, -1)
    watch(m.lane, -1)
  end
  return there
end

local function drop_dead(seq)
  local m, reason, _, newer = parse_dead(call('HGET', DEAD, seq))
  m = m or newer
  if m then tell(m, 'dropped', 1) end
  return exhume(seq, m, reason)
end
