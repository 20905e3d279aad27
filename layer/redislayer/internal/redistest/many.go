package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// StartCluster starts a Redis Cluster of n masters, at least three, and waits until all of them say that it works.
func StartCluster(t testing.TB, n int) []*Server {
	t.Helper()
	var nodes []*Server
	create := []string{"--cluster", "create"}
	for range n {
		s := startNode(t)
		nodes = append(nodes, s)
		create = append(create, s.Addr())
	}
	nodes[0].CLI(append(create, "--cluster-yes")...)
	for _, s := range nodes {
		poll(t, func() bool { return strings.Contains(s.CLI("CLUSTER", "INFO"), "cluster_state:ok") })
	}
	return nodes
}

// AddReplica adds a replica of one of a cluster's masters to it, and returns when all nodes know it and it follows.
func AddReplica(t testing.TB, nodes []*Server, master *Server) *Server {
	t.Helper()
	s := startNode(t)
	id := master.CLI("CLUSTER", "MYID")
	master.CLI("--cluster", "add-node", s.Addr(), master.Addr(), "--cluster-slave", "--cluster-master-id", id)
	for _, n := range nodes {
		poll(t, func() bool { return strings.Contains(n.CLI("CLUSTER", "REPLICAS", id), s.Addr()) })
	}
	poll(t, func() bool { return strings.Contains(s.CLI("INFO", "replication"), "master_link_status:up") })
	return s
}

// FailOver has a cluster's replica take the place of its master, as before a restart, and returns when all nodes know.
func FailOver(t testing.TB, nodes []*Server, replica *Server) {
	t.Helper()
	replica.CLI("CLUSTER", "FAILOVER")
	for _, n := range append([]*Server{replica}, nodes...) {
		poll(t, func() bool { return isMaster(n.CLI("CLUSTER", "NODES"), replica.Addr()) })
	}
}

// isMaster looks a node up in the answer to CLUSTER NODES.
func isMaster(nodes, addr string) bool {
	for line := range strings.Lines(nodes) {
		if f := strings.Fields(line); len(f) > 2 && strings.HasPrefix(f[1], addr+"@") {
			return strings.Contains(f[2], "master")
		}
	}
	return false
}

func startNode(t testing.TB) *Server {
	t.Helper()
	return Start(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000")
}

// StartReplica starts a replica of a master, and returns when it follows. One that does not yet would not be chosen by a
// Sentinel, whose next try is twenty seconds later.
func StartReplica(t testing.TB, master *Server) *Server {
	t.Helper()
	master.CLI("CONFIG", "SET", "repl-diskless-sync-delay", "0") // it waits for more of them
	s := Start(t, "--replicaof", "127.0.0.1", master.Port())
	poll(t, func() bool { return strings.Contains(s.CLI("INFO", "replication"), "master_link_status:up") })
	return s
}

// StartSentinel starts a Sentinel that watches a master under a name, takes it for dead after a second and may fail over
// alone. It returns when it knows as many replicas.
func StartSentinel(t testing.TB, name string, master *Server, replicas int) *Server {
	t.Helper()
	return startSentinel(t, name, master.port, replicas)
}

// StartSentinelTLS is [StartSentinel] of one that speaks TLS on a second port, and with the master alone.
func StartSentinelTLS(t testing.TB, name string, master *Server, ca *Authority, cert Certificate) *Server {
	t.Helper()
	return startSentinel(t, name, master.tls, 0, append(tlsArguments(ca, cert), "--tls-replication", "yes")...)
}

func startSentinel(t testing.TB, name, port string, replicas int, args ...string) *Server {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	config := fmt.Sprintf("bind 127.0.0.1\ndir %s\nsentinel monitor %[2]s 127.0.0.1 %s 1\nsentinel down-after-milliseconds %[2]s 1000\n"+
		"sentinel failover-timeout %[2]s 10000\n", dir, name, port)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "redis-server", append([]string{file, "--sentinel"}, args...))
	poll(t, func() bool {
		return strings.Contains(s.CLI("SENTINEL", "MASTER", name), fmt.Sprintf("num-slaves\n%d\n", replicas))
	})
	return s
}

func poll(t testing.TB, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("redistest: the servers did not find together")
		}
	}
}
