package redislayer

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	"encoding/hex"
	"strings"
)

// script is Lua that runs in Redis. Each touches no key but its KEYS, so that it also runs where that is enforced.
type script struct {
	body, sha string
}

func newScript(body string) *script {
	body = strings.ReplaceAll(body, "GO_MARK", goMark)
	sum := sha1.Sum([]byte(body)) //nolint:gosec // as above
	return &script{body: body, sha: hex.EncodeToString(sum[:])}
}

var scripts = []*script{deliverScript, membersScript, assertScript, drainScript, popScript, cardScript}

// deliverScript adds a message to each of n keys that has room for it, and returns the indices of those that have not.
// ARGV: n messages, n capacities, the expiry of messages in seconds, the time, which is the server's if it is empty.
// A negative capacity is of a Go process' key, which is drained all the time: nothing in it is taken for expired, as
// its sender's clock may be behind.
var deliverScript = newScript(`
local n, full = #KEYS, {}
local expiry, now = tonumber(ARGV[2 * n + 1]), ARGV[2 * n + 2]
if now == '' then
	local t = redis.call('TIME')
	now = t[1] .. '.' .. string.format('%06d', tonumber(t[2]))
end
local expired = string.format('%d', math.floor(tonumber(now)) - expiry)
for i = 1, n do
	local capacity = tonumber(ARGV[n + i])
	if capacity >= 0 then
		redis.call('ZREMRANGEBYSCORE', KEYS[i], '0', expired)
	end
	if redis.call('ZCARD', KEYS[i]) < math.abs(capacity) then
		redis.call('ZADD', KEYS[i], now, ARGV[i])
		redis.call('EXPIRE', KEYS[i], expiry)
	else
		full[#full + 1] = i
	end
end
return full
`)

// reap is the part of two scripts that removes the members of Go processes that no longer renew them: those that are named
// as such (see coreNames) and have a score of at most stale.
const reap = `
local function reap(key, stale)
	local old = redis.call('ZRANGEBYSCORE', key, '-inf', stale)
	for _, m in ipairs(old) do
		if #m == 74 and string.sub(m, 22, 29) == 'GO_MARK' and string.sub(m, 55, 62) == 'GO_MARK' then
			redis.call('ZREM', key, m)
		end
	end
end
`

// membersScript returns the members of a group. ARGV: the score up to which memberships have expired, and that up to which
// those of Go processes have.
var membersScript = newScript(reap + `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '0', ARGV[1])
reap(KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], '0', '-1')
`)

// assertScript adds or renews a member in each of n groups, and returns the indices of those it was not in. ARGV: n members,
// their score, the score up to which Go processes' have expired, the score from which members are not Go processes', the
// expiry in seconds of groups without such, and of those with. One key of
// another type among many is left alone.
var assertScript = newScript(reap + `
local n, missing = #KEYS, {}
for i = 1, n do
	local added = redis.pcall('ZADD', KEYS[i], ARGV[n + 1], ARGV[i])
	if type(added) == 'number' then
		if added > 0 then
			missing[#missing + 1] = i
		end
		reap(KEYS[i], ARGV[n + 2])
		local others = redis.call('ZCOUNT', KEYS[i], ARGV[n + 3], '+inf')
		redis.call('EXPIRE', KEYS[i], ARGV[n + (others > 0 and 5 or 4)])
	elseif n == 1 or string.sub(added.err, 1, 9) ~= 'WRONGTYPE' then
		return added
	end
end
return missing
`)

// drainScript takes up to ARGV[1] messages out of each key but the last, and returns for each key that had any its index,
// how many it had, and the messages with their scores. A key of another type is deleted: it is nobody's but ours. The last
// key counts the runs; what it says comes first, 0 if the server has no memory left to count, and then whether it has begun
// to count. It begins above all that it has counted before a FLUSHALL.
var drainScript = newScript(`
local count, begun = redis.pcall('INCR', KEYS[#KEYS]), 0
if count == 1 then
	local t = redis.call('TIME')
	count, begun = t[1] * 1000000 + t[2], 1
	redis.call('SET', KEYS[#KEYS], string.format('%.0f', count), 'EX', 60)
elseif type(count) ~= 'number' then
	count = 0
end
local all = {count, begun}
for i = 1, #KEYS - 1 do
	local n = redis.pcall('ZCARD', KEYS[i])
	if type(n) ~= 'number' then
		redis.call('DEL', KEYS[i])
	elseif n > 0 then
		all[#all + 1] = {i, n, redis.call('ZPOPMIN', KEYS[i], ARGV[1])}
	end
end
return all
`)

// popScript takes up to ARGV[1] messages with scores above ARGV[2] out of a named channel.
var popScript = newScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
return redis.call('ZPOPMIN', KEYS[1], ARGV[1])
`)

// cardScript returns how many messages that have not expired by ARGV[1] a key holds.
var cardScript = newScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '0', ARGV[1])
return redis.call('ZCARD', KEYS[1])
`)
