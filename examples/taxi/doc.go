// Taxi is the application that courses on this way of programming build, made whole:
// riders ask for a trip, drivers see it at once, one of them takes it, and both watch
// it until its end.
//
//	go run ./examples/taxi
//	go run ./examples/taxi -addr 127.0.0.1:0 -db /tmp/taxi.db
//
// # Files
//
//	store.go, user.go, trips.go  what is kept, in one SQLite file
//	trip.go                      a trip, and who may do what with it
//	accounts.go, tokens.go       passwords, sessions and tokens
//	auth.go                      who a request is from
//	api.go                       what is done by HTTP
//	site.go                      all of it, with its middleware
//	main.go, demo.go             the program
package main
