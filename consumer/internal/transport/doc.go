// Package transport is the seam between consumers and the wire: the opening
// handshake, reading and writing WebSocket frames (RFC 6455, RFC 7692), the
// bounded queue of each connection, and the closing handshake.
//
// nhooyr.io/websocket performs the opening handshake, in handshake.go and
// nowhere else. It is frozen at v1.8.17, whose reader costs a second goroutine
// a connection and whose writer sends data after a close frame, so frames are
// read and written here, and offers of compression are answered here, as
// RFC 7692 has more of them than it knows. Replacing the library touches that
// one file.
//
// Rules that hold for every connection:
//
//   - One goroutine owns the write side at a time; everybody else queues.
//     A direct write is tried only while the queue is empty, so frames leave
//     in the order in which they were sent.
//   - Nothing follows the first close frame.
//   - A write that would block never holds up a sender or a flusher: it moves
//     to a goroutine of that connection, under a deadline.
//   - While a connection is idle it holds no buffer.
//
// Goroutines: one a flusher while frames are due ([Flushers]); one a
// connection while a write blocks, and where there is no file descriptor (TLS)
// while anything is queued. It ends with its queue, or when a piece of 64 KiB took
// WriteTimeout. None outlives its connection, and there is nothing at package
// level.
package transport
