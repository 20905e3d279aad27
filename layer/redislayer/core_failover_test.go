package redislayer_test

import "testing"

// TestCoreSentinelFailover is fault F4: the master is killed, and a replica takes its place.
func TestCoreSentinelFailover(t *testing.T) {
	t.Parallel()
	master, hosts := sentinel(t)
	o := coreOptions()
	o.Hosts = hosts
	failsOver(t, master, coreReady(t, o), coreReady(t, o))
}
