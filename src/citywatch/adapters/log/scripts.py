"""The verbs that must be one step on the server, as Lua.

Only what Redis 6.2 to 8 and Valkey 7.2 to 9 share. Every key of a script carries the same hash tag, so each
is one step on one slot. Entries of a stream hold their bytes and `n`, the number of bytes ever appended to that
stream with this entry: so what a stream holds is a subtraction, however it was trimmed. Events of a large commit stand
in frames (see frames.py): the server names the first event, the frames are named after it by counting on.

`held:{p}` is a hash: `readings`, `events`, `onward` (bytes ever appended) and `readings_gone`, `events_gone`,
`onward_gone` (bytes trimmed).
"""

from __future__ import annotations

DONE = 1
REPEATED = 0
FENCED = -1
FULL_ENTRIES = -2
FULL_BYTES = -3
OTHER_CONTENT = -4
ONWARD_FULL_ENTRIES = -5
ONWARD_FULL_BYTES = -6

# Is there room for `size` more bytes in stream `key`? An empty stream always has room.
_ROOM = """
local function room(key, held, name, size, most_entries, most_bytes)
  local entries = redis.call('XLEN', key)
  if entries == 0 then return 1 end
  if entries >= most_entries then return -2 end
  local bytes = redis.call('HMGET', held, name, name .. '_gone')
  if tonumber(bytes[1] or 0) - tonumber(bytes[2] or 0) + size > most_bytes then return -3 end
  return 1
end
"""

OPEN_PRODUCER = """
-- KEYS producer   ARGV epoch
local known = tonumber(redis.call('HGET', KEYS[1], 'epoch') or 0)
if tonumber(ARGV[1]) > known then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'sequence', 0, 'check', '')
end
return 1
"""

APPEND = (
    _ROOM
    + """
-- KEYS producer, readings, held   ARGV epoch, sequence, check, blob, most_entries, most_bytes
local known = redis.call('HMGET', KEYS[1], 'epoch', 'sequence', 'check')
if known[1] ~= ARGV[1] then return -1 end
local sequence, taken = tonumber(ARGV[2]), tonumber(known[2])
if sequence == taken and known[3] ~= ARGV[3] then return -4 end
if sequence <= taken then return 0 end
local blob = ARGV[4]
local answer = room(KEYS[2], KEYS[3], 'readings', #blob, tonumber(ARGV[5]), tonumber(ARGV[6]))
if answer ~= 1 then return answer end
local total = tonumber(redis.call('HGET', KEYS[3], 'readings') or 0) + #blob
local n = string.format('%.0f', total)
redis.call('XADD', KEYS[2], '*', 'b', blob, 'n', n)
redis.call('HSET', KEYS[3], 'readings', n)
redis.call('HSET', KEYS[1], 'sequence', ARGV[2], 'check', ARGV[3])
return 1
"""
)

APPEND_ONCE = (
    _ROOM
    + """
-- KEYS once, once order, readings, held   ARGV word, content, blob, remembered, most_entries, most_bytes
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  if known == ARGV[2] then return 0 end
  return -4
end
local blob = ARGV[3]
local answer = room(KEYS[3], KEYS[4], 'readings', #blob, tonumber(ARGV[5]), tonumber(ARGV[6]))
if answer ~= 1 then return answer end
local total = tonumber(redis.call('HGET', KEYS[4], 'readings') or 0) + #blob
local n = string.format('%.0f', total)
redis.call('XADD', KEYS[3], '*', 'b', blob, 'n', n)
redis.call('HSET', KEYS[4], 'readings', n)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('RPUSH', KEYS[2], ARGV[1])
if redis.call('LLEN', KEYS[2]) > tonumber(ARGV[4]) then
  redis.call('HDEL', KEYS[1], redis.call('LPOP', KEYS[2]))
end
return 1
"""
)

COMMIT = (
    _ROOM
    + """
-- KEYS position, state, events, held, onward
-- ARGV expected, new, most_entries, most_bytes, count of set rows, of removed rows, of events, onward blob or '',
--      count of frames; then key, value of each set row; key of each removed row; each event;
--      lines, count, bytes and kinds of each frame
local at = redis.call('HGET', KEYS[1], 'at') or '0-0'
if at ~= ARGV[1] then return {-1, at} end
local sets, removals, events = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local onward, frames = ARGV[8], tonumber(ARGV[9])
local first = 10 + 2 * sets + removals
local behind = first + events
if events > 0 then
  local size = 0
  for i = first, behind - 1 do size = size + #ARGV[i] end
  for i = behind, behind + 4 * frames - 1, 4 do size = size + tonumber(ARGV[i + 2]) end
  local answer = room(KEYS[3], KEYS[4], 'events', size, tonumber(ARGV[3]), tonumber(ARGV[4]))
  if answer ~= 1 then return {answer, at} end
end
if #onward > 0 then
  local answer = room(KEYS[5], KEYS[4], 'onward', #onward, tonumber(ARGV[3]), tonumber(ARGV[4]))
  if answer ~= 1 then return {answer - 3, at} end
end
-- A server at its memory limit refuses a script whose first write could need memory. Appends shall be refused then,
-- commits not: only they let the readings be trimmed. So a commit begins with a write that needs none.
redis.call('HDEL', KEYS[2], '')
local last = 9 + 2 * sets
for i = 10, last, 1000 do redis.call('HSET', KEYS[2], unpack(ARGV, i, math.min(i + 999, last))) end
for i = 10 + 2 * sets, first - 1 do redis.call('HDEL', KEYS[2], ARGV[i]) end
if events > 0 then
  local total = tonumber(redis.call('HGET', KEYS[4], 'events') or 0)
  local place
  for i = first, behind - 1 do
    total = total + #ARGV[i]
    place = redis.call('XADD', KEYS[3], '*', 'e', ARGV[i], 'n', string.format('%.0f', total))
  end
  local ms, seq = string.match(place, '^(%d+)-(%d+)$')
  for i = behind, behind + 4 * frames - 1, 4 do
    seq = seq + tonumber(ARGV[i + 1])
    total = total + tonumber(ARGV[i + 2])
    redis.call('XADD', KEYS[3], ms .. string.format('-%.0f', seq), 'f', ARGV[i], 'k', ARGV[i + 3],
      'n', string.format('%.0f', total))
  end
  redis.call('HSET', KEYS[4], 'events', string.format('%.0f', total))
end
if #onward > 0 then
  local n = string.format('%.0f', tonumber(redis.call('HGET', KEYS[4], 'onward') or 0) + #onward)
  redis.call('XADD', KEYS[5], '*', 'b', onward, 'n', n)
  redis.call('HSET', KEYS[4], 'onward', n)
end
redis.call('HSET', KEYS[1], 'at', ARGV[2])
return {1, ARGV[2]}
"""
)

TRIM = """
-- KEYS position, readings, events, held, onward   ARGV readings below, events below, onward below
local function split(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local function forget(key, name, id)
  local last = redis.call('XREVRANGE', key, id, '-', 'COUNT', 1)
  if #last == 0 then return 0 end
  redis.call('HSET', KEYS[4], name .. '_gone', last[1][2][#last[1][2]])
  local ms, seq = split(last[1][1])
  return redis.call('XTRIM', key, 'MINID', string.format('%.0f-%.0f', ms, seq + 1))
end
-- As in COMMIT: making room must work when there is none.
redis.call('HDEL', KEYS[4], '')
local below = ARGV[1]
if below ~= '0-0' then
  local at = redis.call('HGET', KEYS[1], 'at') or '0-0'
  local at_ms, at_seq = split(at)
  local below_ms, below_seq = split(below)
  if at_ms < below_ms or (at_ms == below_ms and at_seq < below_seq) then below = at end
end
return forget(KEYS[2], 'readings', below) + forget(KEYS[3], 'events', ARGV[2]) + forget(KEYS[5], 'onward', ARGV[3])
"""
