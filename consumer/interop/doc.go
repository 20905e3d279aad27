// Package interop holds the tests of the wire against WebSocket clients that others wrote: npm's ws and Python's
// websockets, two that people use most where no browser is.
//
// Both have the same conversations with a consumer over TCP, with and without compression, and note what they see;
// every event and every code that Disconnect is told must be what RFC 6455 and RFC 7692 say. What they need comes from
// npm and PyPI: clients.sh installs it, once. A machine without Node.js and npm, or Python, or a way to them fails the
// tests; nothing is skipped.
//
//	clients/client.cjs     Node.js with ws
//	clients/client.py      Python with websockets
package interop
