// Command scale measures what only shows with thousands of sockets: whether anything is lost between Python's group_send
// and clients of Go processes, whether gaps are told of when they should be and only then, and what all that costs beside
// the same work in Python.
//
//	go run ./scale                                           everything, on both layers: forty minutes
//	go run ./scale -scenario fanout -layer core              one of the scenarios
//	go run ./scale -sockets 200 -bursts 3 -clean 10s         less of it: two minutes or so
//
// run in the folder of the module layer/redislayer. It needs Linux, redis-server and redis-cli, and what interop/venv.sh
// needs to make the environment with channels_redis, Channels and daphne. It starts everything itself, on the loopback
// alone: a Redis, Go processes with consumers, processes with their clients, and senders in Python, and ends all of that with
// itself. What was heard is counted by the clients, message by message, and compared with what Python says it sent.
//
// A process has one file for each of its sockets, 5,000 by default, and a few more: `ulimit -n` has to allow them.
//
// Where Core's capacity ends shows `go run ./scale -scenario storm -layer core -storm-capacity 100 -storm-at-once 100`, which
// fails, as it should.
//
// It ends with the status 1 if anything was lost, came twice, or missed its limit, and says what.
//
//	bytes   What a group_send to the group of all has Python tell Redis for each Go process, whatever the number of its
//	        sockets: no more than the message and -overhead bytes. In those are the key's name three times and the member's
//	        once.
//	cpu     200 messages to 500 sockets, 40 at a time (-at-once; of more than fifty daphne drops some), through one Go process
//	        and through daphne: Go computes no more than a thirtieth (-ratio), and Redis no more for Go than for daphne.
//	fanout  4 Go processes with 5,000 sockets each are in one group of all and in a group for each. 4 Python processes send
//	        bursts of 300 messages, all at once, 10 of them to the group of all; then one whole burst to the group of all, each
//	        message when the one before is sent. Capacity is Channels' default. Nothing is lost, and no gap raised.
//	storm   The same sockets, and whole bursts to the group of all, at once. On Core that is more than a key of the default
//	        capacity holds, whoever reads it; so it is 2,400 here (-storm-capacity): see "At scale" in the
//	        documentation of redislayer.
//	churn   1,000 groups are joined and left, 5,000 times a second, for a minute. Then Redis knows the groups that the layer
//	        has, none and all; and a message to each arrives.
//	clean   Ten minutes of traffic without a gap, three seconds within traffic in which Redis is stopped and goes on, without
//	        one either, and two outages of two seconds with one gap each for each socket.
package main
