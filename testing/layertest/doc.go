// Package layertest is the suite every [layer.ChannelLayer] must pass, as
// [testing/fstest] is for file systems and [testing/slogtest] for handlers.
//
// A layer's own tests call [Run] with a factory:
//
//	func TestLayer(t *testing.T) {
//		layertest.Run(t, func(t testing.TB, o layertest.Options) layer.ChannelLayer {
//			return &layer.Memory{
//				Capacity:        o.Capacity,
//				ChannelCapacity: o.ChannelCapacity,
//				Expiry:          o.Expiry,
//			}
//		})
//	}
//
// The factory is called once or twice a case. Each layer it returns must see
// nothing of the others: cases run at the same time, and one flushes. A layer
// over a broker gives each a prefix of its own. The suite closes what the
// factory made; whatever else there is to tidy up belongs in t.Cleanup.
//
// # Optional abilities
//
// A layer without [layer.Listener] or [layer.Flusher] must answer
// [errors.ErrUnsupported] where they are asked for, and the suite checks that it
// does. A layer with [layer.NameChecker] is held to its own word on names, any
// other to the documented tables. A layer without [layer.Counted] skips the case
// conservation, with a message, and is watched less closely where only counters
// can tell what became of a message or a membership.
//
// # Two processes
//
// [RunTwo] has cases of its own for what holds between processes. It starts the test binary again, so TestMain begins
// with [Serve], which makes it the second process there and returns at once here:
//
//	func TestMain(m *testing.M) {
//		layertest.Serve(open)
//		os.Exit(m.Run())
//	}
//
//	func open(config string, o layertest.Options) (layer.ChannelLayer, error) { ... }
//
//	func TestLayerInTwoProcesses(t *testing.T) {
//		layertest.RunTwo(t, layertest.Two{
//			Open:   open,
//			Config: func(t testing.TB) string { return server + " " + rand.Text() },
//		})
//	}
//
// Each process opens layers by the same function; what it needs to know, such as an address and a prefix, goes through
// the config, so layers of one config see each other and no others. A layer in a second process is driven from here as
// any other is: [StartProcess] and [Process.Open] do so for tests that are a layer's own, of what becomes of the rest
// when a process is killed, say.
//
// # Time
//
// Nothing is decided by a pause: to show that a message did not arrive, a case
// sends another one after it and sees that one arrive first. Only the cases
// about expiry let time pass, in real time, so that they hold for a server that
// has a clock of its own; they never ask for an expiry below one second, and
// allow half a second of error each way. The whole suite takes as long as the
// longest of them, three seconds. A layer that lives in the process can run it
// in no time with [RunBubble].
//
// A layer that breaks a promise shows up in the case named after it, and each
// failure ends with the promise it broke.
package layertest
