// Chat is the room chat that tutorials of this kind end with, made whole: many
// rooms, nicknames, the last fifty messages for who comes later, and a page that
// finds its way back after every interruption.
//
//	go run ./examples/chat
//	go run ./examples/chat -addr 127.0.0.1:0
//
// A consumer ([Room]) stands for one visitor of one room. What he says goes to the
// room's group, and every member's consumer sends it on to its browser. The
// history lives in the memory of the process: a restart forgets it, and so does a
// room that was left for a long time while five hundred others were used.
//
// A page never drops a message in silence. It gives each an id and shows it as
// waiting until the message comes back from the server; what was not seen again
// is sent once more after the next connect, and an id that is known already is
// only repeated to its sender.
package main
