package consumer

// Waiting returns how many hooks and handlers have the turn or wait for it.
func Waiting(h *Handler) int {
	n := 0
	for _, s := range h.snapshot(nil) {
		n += int(s.active.Load())
	}
	return n
}

// Connecting returns how many handshakes have a place of ConnectConcurrency.
func Connecting(h *Handler) int64 { return h.connecting.Load() }
