package redislayer

import (
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	"encoding/hex"
)

// script is Lua that runs in Redis. Each touches no key but its KEYS, so that it also runs where that is enforced.
type script struct {
	body, sha string
}

func newScript(body string) *script {
	sum := sha1.Sum([]byte(body)) //nolint:gosec // as above
	return &script{body: body, sha: hex.EncodeToString(sum[:])}
}

var scripts = []*script{deliverScript, membersScript, assertScript, leaveScript, drainScript, popScript, cardScript}

// deliverScript adds a message to each of n keys that has room for it, and returns the indices of those that have not.
// ARGV: n messages, n capacities, the expiry of messages in seconds, the time, which is the server's if it is empty.
// A negative capacity is of a Go process' key, which is drained all the time: nothing in it is taken for expired, as
// its sender's clock may be behind. A key of another type has no room; if no key takes the message for such a reason, that is
// an error.
var deliverScript = newScript(`
local n, full, failed, failures = #KEYS, {}, nil, 0
local expiry, now = tonumber(ARGV[2 * n + 1]), ARGV[2 * n + 2]
if now == '' then
	local t = redis.call('TIME')
	now = t[1] .. '.' .. string.format('%06d', tonumber(t[2]))
end
local expired = string.format('%d', math.floor(tonumber(now)) - expiry)
for i = 1, n do
	local capacity = tonumber(ARGV[n + i])
	if capacity >= 0 then
		redis.pcall('ZREMRANGEBYSCORE', KEYS[i], '0', expired)
	end
	local result = redis.pcall('ZCARD', KEYS[i])
	if type(result) == 'number' and result >= math.abs(capacity) then
		full[#full + 1] = i
	else
		result = redis.pcall('ZADD', KEYS[i], now, ARGV[i])
		if type(result) == 'number' then
			redis.pcall('EXPIRE', KEYS[i], expiry)
		else
			failed, failures = result, failures + 1
			full[#full + 1] = i
		end
	end
end
if failures == n then
	return failed
end
return full
`)

// membersScript returns the members of a group. ARGV[1] is the score up to which memberships have expired.
var membersScript = newScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '0', ARGV[1])
return redis.call('ZRANGE', KEYS[1], '0', '-1')
`)

// assertScript adds or renews a member in each of n groups, writes them into the process' ledger, and returns the indices of
// the groups it was not in. KEYS: n groups, the ledger, the list of processes. ARGV: n members, their score, the score from
// which members are not Go processes', the expiry in seconds of groups without such, and of those with; the process, the
// end of its lease, the expiry of the ledger. One key of another type among many is left alone.
var assertScript = newScript(`
local n, missing, entries = #KEYS - 2, {}, {}
for i = 1, n do
	local added = redis.pcall('ZADD', KEYS[i], ARGV[n + 1], ARGV[i])
	if type(added) == 'number' then
		if added > 0 then
			missing[#missing + 1] = i
		end
		entries[#entries + 1] = ARGV[i] .. KEYS[i]
		local others = redis.call('ZCOUNT', KEYS[i], ARGV[n + 2], '+inf')
		redis.call('EXPIRE', KEYS[i], ARGV[n + (others > 0 and 4 or 3)])
	elseif n == 1 or string.sub(added.err, 1, 9) ~= 'WRONGTYPE' then
		return added
	end
end
if #entries > 0 then
	redis.pcall('SADD', KEYS[n + 1], unpack(entries))
	redis.pcall('EXPIRE', KEYS[n + 1], ARGV[n + 7])
	redis.pcall('ZADD', KEYS[n + 2], ARGV[n + 6], ARGV[n + 5])
	redis.pcall('EXPIRE', KEYS[n + 2], ARGV[n + 7])
end
return missing
`)

// leaveScript takes members out of n groups and out of their process' ledger, and the process out of the list when its
// ledger is empty. KEYS and the first n of ARGV are assertScript's; then come the process and, if another process does it, a
// time: nothing is done if the lease lasts longer.
var leaveScript = newScript(`
local n = #KEYS - 2
local ledger, processes, process, time = KEYS[n + 1], KEYS[n + 2], ARGV[n + 1], ARGV[n + 2]
if time ~= '' then
	local lease = redis.pcall('ZSCORE', processes, process)
	if type(lease) == 'string' and tonumber(lease) > tonumber(time) then
		return 0
	end
end
for i = 1, n do
	redis.pcall('ZREM', KEYS[i], ARGV[i])
	redis.pcall('SREM', ledger, ARGV[i] .. KEYS[i])
end
local left = redis.pcall('SCARD', ledger)
if type(left) ~= 'number' or left == 0 then
	redis.pcall('ZREM', processes, process)
end
return 1
`)

// drainScript takes up to ARGV[1] messages out of each key but the last two, and returns for each key that had any its index,
// how many it had, and the messages with their scores. A key of another type is deleted: it is nobody's but ours. The last
// key counts the runs; what it says comes first, 0 if the server has no memory left to count, then whether it has begun to
// count, and the time in microseconds. It begins above all that it has counted before a FLUSHALL. If there is the last key
// but one, it does nothing.
var drainScript = newScript(`
local stop, counter = KEYS[#KEYS - 1], KEYS[#KEYS]
if redis.call('ZCARD', stop) > 0 then
	return {}
end
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local count, begun = redis.pcall('INCR', counter), 0
if count == 1 then
	count, begun = now, 1
	redis.call('SET', counter, string.format('%.0f', count), 'EX', 60)
elseif type(count) ~= 'number' then
	count = 0
end
local all = {count, begun, now}
for i = 1, #KEYS - 2 do
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
