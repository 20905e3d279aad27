// Package redislayer has two layers over Redis that speak channels_redis' wire format, so that Django and Go processes can
// be in one group: each side's group_send reaches the other's consumers.
//
//	l, err := redislayer.NewPubSub(&redislayer.Options{Hosts: []any{"redis://redis:6379"}})
//	...
//	mux.Handle("/chat/", consumer.MustHandler(NewChat, &consumer.Options{Layer: l}))
//
// [PubSub] is channels_redis.pubsub.RedisPubSubChannelLayer, [Core] is channels_redis.core.RedisChannelLayer. Both sides
// must use the same one, with the same hosts in the same order, prefix, serializer and encryption keys, and for Core the
// same group_expiry: the two do not hear each other. [FromDjango] takes all that from Django's own settings.
//
// # Which one
//
// PubSub is the one to choose where there is a choice: one command and one copy a message and process, nothing stored,
// nothing dropped on the way by a capacity, and a membership that ends with its process. Core has what needs storage: named
// channels, for workers, and messages that survive a short absence of their reader.
//
// # Both
//
// The client is github.com/redis/rueidis. It pipelines by itself, speaks RESP3 and RESP2, knows Sentinel and TLS, and
// leaves what must not be done behind a layer's back to us: it neither sends a command again nor subscribes again unasked,
// and needs no CLIENT SETINFO, CLIENT TRACKING or CONFIG. Redis 5 to 7 and Valkey will do. (go-redis, as well kept, puts
// together only what one caller hands to it in one piece, so that each of many callers waits for a round trip on a connection
// of its own, and it subscribes again by itself without a word of what was lost.)
//
// A constructor does not wait for the network. Calls wait for the first connection, up to Options.CallTimeout, 2 s;
// [PubSub.Ready] and [Core.Ready] tell when there is one. Every call is bounded by CallTimeout, and by its context. Its
// errors are layer.ErrUnavailable if it had no effect (a [ServerError], with the server's own words, wraps that) and
// layer.ErrOutcomeUnknown if a command may have been carried out whose answer did not come. Nothing is ever sent twice.
//
// Connections that are lost are made again, after 50 ms to 5 s, in waits that grow and have a random part. For the first
// half second calls wait for that; then they fail at once. Sockets stay open throughout; refused handshakes are 503.
//
// # Core
//
// A process has eight keys, as a Python process has one, and puts one member of its own, whatever the number of its sockets,
// into a group's sorted set: Python's group_send writes one copy for it, which is decoded once. What Python adds to a group
// by a Go channel's own name gets each message once; its group_discard of such a name does not undo a GroupAdd made here.
// Named channels are for workers: each message goes to one receiver. Python's workers may take a message twice, as its own
// documentation says; Go never puts back what another reader took. A worker that closes its layer puts back what it has itself
// taken for a receiver that had gone, and loses nothing unless the server does not answer.
//
// Members are leases, renewed every six seconds and made again after a FLUSHALL. When a process is killed, any other Go
// process with the same servers and prefix, whatever groups it is in, takes its members out when it has been silent for
// eighteen seconds, and so does one that starts afterwards: within thirty seconds Python's group_send writes nothing for it
// any more. To find them, each process keeps a set of its memberships, <prefix>:go:<process id>, and a time in
// <prefix>:go:processes. A group in which Go processes alone were expires by itself after twenty-four seconds, or after
// GroupExpiry if that is less than a quarter of an hour.
//
// If no Go process is left at all, the members of the last one stay in groups that Python is in for a hundred seconds, and
// until then Python's group_send goes on writing for it, up to its capacity. Redis removes no member by itself, and Python's
// group_send does so by the clock of its own host. With less than a hundred, a host whose clock is ninety seconds ahead
// would take every living Go process for dead, and lose its messages in silence. Where clocks are kept together, set
// Options.ClockSkew: with fifteen seconds, it is over in less than thirty. What Python itself has added by a Go
// channel's name stays for group_expiry, as it does when a Python process dies.
//
// Encrypted messages have an age, as in Python: what comes from a host whose clock is more than a minute ahead, or more than
// Expiry and ten seconds behind, is refused and counted, there and here.
//
// A gap's Since is when the keys were last emptied, by the server's clock, or when the memberships in question were last
// there: what was missed was sent after it, also if the process itself was held up. A connection that is made again and leads
// to another server than the one that is heard, by a name or a balancer, is noticed within twelve seconds; everything is then
// connected anew. GroupSend counts a process whose key is of another type as one whose key is full.
//
// Python senders count what waits in a key and drop beyond their capacity, in silence. A process that finds a key nearly
// full while Python senders are about reports a [layer.Gap] with the cause "suspected_overflow". What that takes is under "At
// scale". On Redis Cluster, Core is an error: use PubSub.
//
// # PubSub
//
// A channel made here is called <prefix>specific.<32 hex digits>, as in Python, and is a Redis channel of the same name. A
// group is the Redis channel <prefix>__group__<name>, which a process subscribes to once, with the first of its members,
// however many there are; a message is decoded once and all members share the [layer.Envelope]. With several hosts, a
// Redis channel belongs to the one that channels_redis' hash of its name says.
//
// What it promises beyond the layer package:
//
//   - NewChannel and GroupAdd return when Redis has confirmed the subscription. Subscriptions are pipelined, up to 999
//     names a command.
//   - Send and GroupSend are one PUBLISH, never repeated. A process' own members too get the message from Redis and only
//     from there, in Redis' order. If the process is subscribed to where it sends, the call returns when the message has
//     been delivered in it, or a quarter of a second after Redis' answer at most: so what the caller does next, leave the
//     group or send by another host, comes after it.
//   - What one goroutine sends by one host arrives everywhere in that order. By several hosts it does so in the sender's own
//     process; in others, a group's message and a channel's may overtake each other, as they may between Python processes.
//   - A loopback probe, published every Options.ProbeInterval to <prefix>__probe__<process id>, keeps a quiet connection from
//     being silent: where nothing is heard, or nothing published is answered, for eight seconds, the connection is given up.
//     It goes to a server and back, and says nothing of what lies between servers: a replica passes on what its master
//     publishes only while it follows it, and its own never reaches the master. Connect to masters, by Sentinel if they
//     change: a process on a replica that was detached hears that server alone, and nothing tells it so.
//   - After an outage everything is subscribed again before any call goes on; then each mailbox concerned gets one
//     [layer.Gap], spread over up to three seconds if they are many. Its Since is when the last sign of life came. A pause in
//     which the connection held is no outage and makes no gap, even if calls timed out in it: three seconds always pass, eight
//     never do.
//   - Payloads that are no message are counted, logged now and then, and harm nothing else.
//
// Names are whatever Python takes: any text that is not empty ("user:42", "room/7"); [PubSub] is a layer.NameChecker. An
// ACL user needs the commands PUBLISH, SUBSCRIBE and UNSUBSCRIBE, and &<prefix>*. On Redis Cluster, set Options.Cluster: one
// node is connected to, the next one when it fails, and the cluster itself passes PUBLISH on to all nodes.
//
// How it differs from channels_redis:
//
//   - Mailboxes are bounded, by Options.Capacity and Expiry, and every message dropped is counted; there they are unbounded.
//   - A channel that is closed leaves its groups; there it stays in them when its consumer ends by an error.
//   - Messages are checked: a map with a "type", and what MessagePack or JSON can hold. There anything is sent.
//   - Encryption keys are honoured. The pub/sub layer of channels_redis 4.2.0 and older ignores them and publishes in the clear;
//     until the last such process is gone, Options.AcceptPlaintext takes its messages too, and Go has to do without keys if it
//     is to be understood there.
//   - It cannot receive on named channels; PubSub says why. GroupAdd of a channel of another process is
//     layer.ErrUnknownChannel (RuntimeError there).
//   - There is no flush; as Redis stores nothing, closing the layer is all there is to do.
//   - Redis numbers no database in pub/sub, so layers on databases 0 and 1 of one server hear each other. The constructor warns
//     of a database with the default prefix.
//
// # At scale
//
// The command in the folder scale makes these figures, by `go run ./scale`, and fails where one is not reached; its
// documentation says how it goes about it. These are of two cores that one Redis 7.0, 4 Go processes with 5,000 sockets each,
// their clients, 4 Python processes with channels_redis 4.3.0 and other work shared; sockets are bounded by the 20,000 files
// that a process could open there. Losses are counted by the clients, message by message.
//
//	                                                      PubSub            Core
//	20,000 sockets connected, in 20,001 groups            5 to 10 s         6 to 9 s
//	lost, of 12,000 messages in bursts of 300, all at     0 of 8,011,600    0 of 8,011,600
//	    once, by each of 4 Python processes, 400 of
//	    them to the group of all
//	lost, of 1,200 to the group of all, one by one,       0 of 24,000,000   0 of 24,000,000
//	    by each of 4 Python processes
//	lost, of 2 × 1,200 to the group of all at once        0 of 48,000,000   0 of 48,000,000, with a capacity of 2,400
//	Go's processor time for a delivery, in those          0.9 to 2.5 µs     0.9 to 1.9 µs
//	gaps in ten minutes of traffic, and in a pause of     none              none
//	    three seconds
//	gaps for each consumer in an outage                   1                 1
//	after a minute of 5,000 joins and leaves a second,    the layer's       the layer's
//	    1,000 groups: groups that Redis knows of
//
// The same work as daphne's, 200 messages to 500 sockets, 40 of them on their way at a time, in several runs:
//
//	                                                      PubSub            Core
//	processor time of daphne, as a multiple of Go's       84 to 401         268 to 428
//	processor time of Redis for daphne                    0.04 to 0.06 s    0.21 to 0.25 s
//	processor time of Redis for Go                        0.01 s            0.02 s
//
// What is on its way at a time goes out in one write for each socket. With each message sent when the one before has arrived
// everywhere, which leaves nothing to put together, Go takes 9 to 12 µs for a delivery, and daphne 28 to 36 times as
// much.
//
// A group_send from Python to a group in a Go process, of any number of sockets, costs the message and 197 bytes on their way
// to Core's Redis, of which the key's name, 29 bytes, is three times, by channels_redis' making.
//
// Core's capacity is what bounds a burst. Redis runs what has come in of all its clients before it goes on to its readers'
// next requests. So of messages for one key that come in at one moment only as many are kept as fit, whoever reads it, in Go
// or in Python: a hundred by default, and the one that a reader waits for. Sends that wait for one another, as those of a
// view do, are never so many; a hundred sends to one group at one moment, by asyncio.gather in several processes, are. Of
// 300 messages that each of 4 Python processes sent to one group so much was lost, with a gap for each consumer concerned:
//
//	under way at a time, in each               1        10       25       100         300
//	lost at the default capacity               none     none     none     0.4 to 6%   0.5 to 29%
//
// The least is of a machine with nothing else to do, the most of one where Redis and its readers wait for a processor.
// Where that happens, give Channels' CONFIG a capacity above the number of sends to one group at one moment, and Core the same
// Options.Capacity. Messages to many groups are spread over a process' eight keys. PubSub has no such bound.
//
// # Goroutines
//
// None outlives the layer's Close, which waits for all of them. Those of PubSub are:
//
//	each host         connects, waits for the connection's end, connects again       ends with Close
//	each connection   sends SUBSCRIBE and UNSUBSCRIBE for all who ask                 ends with the connection
//	                  sends probes and looks for signs of life                        ends with the connection
//	                  waits for the client to say that it is broken                   ends with the connection
//	                  those of the client's own, one of which delivers messages       ends with the connection
//	each PUBLISH      waits for the answer, for as long as the connection lasts,      at most 480 a host
//	                  as its caller may give up earlier
//	each group        tells Redis that its first member came or its last one left     see group.Registry
//	each outage       gives mailboxes their gaps                                      ends after three seconds, or with Close
//
// Whatever delivering calls, a mailbox's OnReady and Divert, runs on the goroutine that reads the connection, one for each
// host, and must not block; it may close the mailbox.
package redislayer
