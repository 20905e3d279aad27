// Package consumertest tests consumers: a WebSocket client in the same process,
// without a network, whose calls fail the test where they stand.
//
// # A first test
//
//	func TestBroadcast(t *testing.T) {
//		l := new(layer.Memory)
//		rider := consumertest.NewWebsocketCommunicator(t, newApp(l), "/taxi/")
//		rider.Connect()
//		if err := l.GroupSend(t.Context(), "test", message); err != nil {
//			t.Fatal(err)
//		}
//		rider.ExpectJSON(message)
//		rider.Disconnect()
//	}
//
// newApp returns the application's http.Handler: the mux with its middleware,
// so that the test goes the way a client goes. A server of net/http parses the
// handshake and hands over the connection; only that connection is in memory.
// What the communicator sees is what a browser would: the frames, their order,
// the close codes. A server that breaks RFC 6455 fails the test, whether or not
// the test looks; and a consumer that answers no close frame, or sends a second
// one, does too.
//
// # Connected or refused
//
// Connect fails the test if the handshake is refused, ExpectRefused if it isn't
// refused with that status. Both return the server's answer:
//
//	res := consumertest.NewWebsocketCommunicator(t, app, "/taxi/").ExpectRefused(http.StatusForbidden)
//	reason, _ := io.ReadAll(res.Body)
//
// A communicator connects once; for a client that comes back, make another.
//
// # Who connects
//
// [Options] hold what differs from a page of the same host: subprotocols,
// headers and cookies, or the context values that middleware would have set.
//
//	rider := consumertest.NewWebsocketCommunicator(t, app, "/taxi/?trip=7", &consumertest.Options{
//		Subprotocols: []string{"taxi.v2", "taxi.v1"},
//		Header:       http.Header{"Cookie": {"sessionid=abc"}},
//		Context: func(ctx context.Context) context.Context {
//			return auth.WithUser(ctx, ada)
//		},
//	})
//
// # Sending and receiving
//
// SendJSON, SendText, SendBinary and Send return at once. ExpectJSON, ExpectText
// and ExpectBinary take the next message and compare it; ReceiveJSON decodes it
// for a closer look; ExpectNothing waits a moment for what should not come.
// ExpectClose takes the connection's end, which comes after all messages. A call
// that takes longer than Options.Timeout fails and harms nothing: a test may
// even go on after it.
//
// Receive takes a context and returns an error instead of failing the test, so
// it is the one for other goroutines. The Send methods may be called there too.
//
// # The end
//
// Disconnect, DisconnectCode and CloseNow return when the consumer's Disconnect
// hook has returned and nothing of the connection runs any more, so what that
// hook did can be checked on the next line. A test that calls none of them is cut
// off at its end. If whoever handles the connection does not end then, or keeps
// the socket, the test fails and shows the connection's goroutines.
//
// For a handler that is no consumer the end is that it closed the socket and
// returned from ServeHTTP.
//
// # Time
//
// All of this works inside a bubble of testing/synctest, where a timeout of an
// hour takes no time and the clock is the test's:
//
//	synctest.Test(t, func(t *testing.T) {
//		c := consumertest.NewWebsocketCommunicator(t, newApp(new(layer.Memory)), "/")
//		c.Connect()
//		time.Sleep(24 * time.Hour) // pings are answered meanwhile
//		c.ExpectNothing()
//		c.Disconnect()
//	})
//
// Make the layer, the handler and the communicator inside the bubble. None of
// them leaves a goroutine in it.
//
// # Layers and workers
//
// [NewChannel] joins a layer's groups without a connection, to see what a
// consumer sends there. [RunWorker] runs a worker for the length of a test:
//
//	results := consumertest.NewChannel(t, l, "results")
//	consumertest.RunWorker(t, consumer.MustWorker("thumbnails", newThumbnailer, &consumer.WorkerOptions{Layer: l}))
//	if err := l.Send(t.Context(), "thumbnails", consumer.Message{"type": "make", "id": 7}); err != nil {
//		t.Fatal(err)
//	}
//	results.Expect(consumer.Message{"type": "made", "id": 7})
//
// # Coming from Django Channels
//
//	WebsocketCommunicator(app, path, headers, subprotocols)  NewWebsocketCommunicator(t, app, path, &Options{...})
//	connected, subprotocol = await c.connect()               Connect(), or ExpectRefused(status); Subprotocol()
//	send_to, send_json_to                                    SendText, SendBinary (also empty), SendJSON
//	receive_from, receive_json_from                          ExpectText, ExpectBinary, ExpectJSON; Receive, ReceiveJSON
//	receive_nothing()                                        ExpectNothing()
//	receive_output() of a websocket.close                    ExpectClose(code)
//	disconnect(code)                                         Disconnect(), DisconnectCode(code)
//	scope["user"] = user                                     Options.Context
//	channel_layer.receive("test_channel")                    NewChannel(t, l, groups...).Receive()
//	ApplicationCommunicator, wait(), stop()                  not needed: there is one interface, http.Handler
//	HttpCommunicator                                         net/http/httptest: NewRecorder and NewRequest
//	ChannelsLiveServerTestCase                               net/http/httptest: NewServer(app)
//
// A timeout there cancels the application and makes the communicator useless;
// here it does neither. A refusal there has the close code of the consumer; here
// it is the HTTP answer a client gets.
//
// # Goroutines
//
//	goroutine              started by   ends                             waited for by
//	client                 Connect      when its end is closed           the test's cleanup
//	server, and net/http's Connect      when the connection is closed    the test's cleanup
//	a worker's             RunWorker    after stop, or the test's end    stop
package consumertest
