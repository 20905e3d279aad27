// Taxi is the application that courses on this way of programming build, made whole:
// riders ask for a trip, drivers see it at once, one of them takes it, and both watch
// it until its end.
//
//	go run ./examples/taxi
//	go run ./examples/taxi -addr 127.0.0.1:8001 -layer redis://127.0.0.1:6379
//
// The demo users can be entered by one click; open a tab for a rider and another one
// for a driver. README.md in this folder walks through the program in the order in
// which one would write it.
//
// # Files
//
//	store.go, user.go, trips.go  what is kept, in one SQLite file
//	trip.go                      a trip, and who may do what with it
//	accounts.go, tokens.go       passwords, sessions and tokens
//	auth.go                      who a request is from
//	api.go                       what is done by HTTP
//	taxi.go, messages.go         what is done over the socket: the consumer
//	site.go, pages               what a browser gets
//	main.go, demo.go             the program
//
// # The socket
//
// It is at /taxi/. The access token comes as an Authorization header, as a subprotocol
// "token." followed by it, beside "taxi", or as the query's token. A client sends
//
//	{"type": "create.trip", "id": "1", "data": {"pick_up_address": "...", "drop_off_address": "..."}}
//	{"type": "update.trip", "id": "2", "data": {"id": "...", "status": "STARTED"}}
//	{"type": "echo.message", "id": "3", "data": "whatever"}
//
// and each is answered under its id, by "echo.message" with the trip, or by "error":
//
//	{"type": "echo.message", "id": "1", "data": {"id": "...", "status": "REQUESTED", "rider": {...}, "driver": null, "version": 1, ...}}
//	{"type": "error", "id": "2", "error": {"code": "taken", "message": "Another driver has taken this trip."}}
//
// What is no JSON object, has a field twice, or a type that is no string, is dropped and
// counted, and the connection goes on.
//
// Without an id come trips that others have changed, as "echo.message", and "gap" when
// something may have been missed: then GET /api/trip/ says how everything stands. The
// close code 4401 asks for a new token.
package main
