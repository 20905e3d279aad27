// Package interop holds the tests of the Redis layers against the real thing: processes of Python with channels_redis
// 3.4.1, 4.0.0, 4.2.0 and 4.3.0, Django with daphne, uvicorn and gunicorn, and a redis-server each test starts.
//
// What they need of Python comes from PyPI: venv.sh makes an environment for each version, once, and servers.sh other
// versions of Redis, and Valkey. redis-py is its version 6: with 8, whose sockets time out after the five seconds for which
// channels_redis waits for a message, Python's own idle consumers on Core are closed with 1011. A machine without Python, redis-server or a way to PyPI fails the tests; nothing is skipped.
//
//	python/peer.py         a Python process with layers, driven by a test: all versions, both layers
//	python/project         a Django project, with its consumers and a view
//	python/client.py       a client that notes what it sees
//	python/rooms.py        clients of one room that several servers serve
//	python/fork.py         sends from forked processes
//	python/vectors.py      makes vectors with random values, and takes and gives payloads
//	python/commands.py     makes vectors of what the layers send to Redis
//
// # What a client sees
//
// The same client runs against the same consumer on daphne and in Go. Close codes and messages, JSON decoded, are equal
// but for these steps; each side's behaviour in them is tested, too.
//
//	step                          daphne                        Go                     why
//	crash_while_connecting        HTTP 500                      HTTP 403               an error of Connect refuses; it may be the user's way to say no
//	no_such_path                  HTTP 500                      HTTP 404               net/http's mux answers
//	crash_in_receive              1011, disconnect not run      1011, Disconnect runs  what Connect began is ended, whatever the reason; daphne leaves a ghost in the group
//	server_closes_1011            1011, by way of an exception  1011, Disconnect runs  the same
//	server_closes_999             1011, by way of an exception  1011, Disconnect runs  the same; such a code is an error in Go as well
//	server_closes_1006            1011, by way of an exception  1011, Disconnect runs  the same
//	server_closes_2000            1011, by way of an exception  1011, Disconnect runs  the same
//	server_closes_1001            1011, by way of an exception  1001                   RFC 6455 lets a server say that it goes away
//	server_closes_with_reason     the reason is dropped         the reason arrives     a client that looks at reasons finds one; one that does not is not bothered
//	server_sends_after_its_close  4002, disconnect not run      4002, Disconnect runs  daphne raises when it finds the socket closed; in Go an error that says so
//	client_closes_without_code    disconnect(None), echo 1000   Disconnect(1005)       1005 is RFC 6455's word for no code, and the echo has what it answers
//	invalid_json                  1011                          the message is lost    one bad message costs that message, not the connection
//	empty_text                    1011                          the message is lost    the same
//	json_list                     1011                          the message is lost    the same; a message is an object
//	binary_to_json_consumer       1011                          the message is lost    the same
//	not_a_number                  NaN is echoed                 the message is lost    NaN is no JSON, and a browser's JSON.parse would fail on the echo
//	lone_surrogate                is echoed                     the message is lost    no UTF-8 text can hold it
//	huge_integer                  is echoed                     the message is lost    beyond 64 bits Go has no integer, and a float would change it in silence
//	duplicate_key                 the last one counts           the message is lost    who checks the first and who uses the last must not disagree
//	invalid_utf8                  1006                          1007                   RFC 6455's code for it
//	frame_of_two_megabytes        1006                          1009                   RFC 6455's code for it; with the same limit
//	empty_frames                  are not sent                  are sent               what was sent is received
package interop
