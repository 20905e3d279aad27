package redislayer

import (
	"testing"
	"time"
)

func TestBackoffGrowsWithinItsBounds(t *testing.T) {
	t.Parallel()
	var b backoff
	most := 100 * time.Millisecond
	for i := range 20 {
		if d := b.next(); d < most/2 || d > most {
			t.Errorf("wait %d is %v, want between %v and %v", i, d, most/2, most)
		}
		most = min(most*3/2, 5*time.Second)
	}
	b.reset()
	if d := b.next(); d > 100*time.Millisecond {
		t.Errorf("after a reset: %v", d)
	}
}
