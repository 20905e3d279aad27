package wire_test

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"strconv"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/vectors"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

func TestShardIsPythons(t *testing.T) {
	t.Parallel()
	for _, c := range vectors.Read[struct {
		Name  string
		CRC32 uint32
		Ring  map[string]int
	}](t, "consistent_hash") {
		if got := crc32.ChecksumIEEE([]byte(c.Name)); got != c.CRC32 {
			t.Errorf("crc32(%q) = %d, want %d", c.Name, got, c.CRC32)
		}
		for n, want := range c.Ring {
			size, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			if got := wire.Shard(c.Name, size); got != want {
				t.Errorf("Shard(%q, %d) = %d, want %d", c.Name, size, got, want)
			}
		}
	}
}

func TestNamesArePythons(t *testing.T) {
	t.Parallel()
	type verdict struct{ OK bool }
	for _, c := range vectors.Read[struct {
		Name           string
		Value          json.RawMessage // instead of the name, what is no string
		Channel, Group *verdict
		ChannelReceive *verdict `json:"channel_receive"`
	}](t, "names") {
		if c.Value != nil {
			continue
		}
		check := func(what string, want *verdict, err error) {
			if want != nil && want.OK != (err == nil) {
				t.Errorf("%s %q: %v, want ok %v", what, c.Name, err, want.OK)
			}
		}
		check("channel", c.Channel, wire.CheckChannelName(c.Name, false))
		check("channel to receive from", c.ChannelReceive, wire.CheckChannelName(c.Name, true))
		check("group", c.Group, wire.CheckGroupName(c.Name))
	}
}

func TestCapacitiesArePythons(t *testing.T) {
	t.Parallel()
	for _, c := range vectors.Read[struct {
		Name     string
		Capacity int
		Config   struct {
			Capacity        int
			ChannelCapacity orderedCapacities `json:"channel_capacity"`
		}
	}](t, "capacity") {
		capacities, err := wire.NewCapacities(c.Config.Capacity, c.Config.ChannelCapacity)
		if err != nil {
			t.Fatal(err)
		}
		if got := capacities.Of(c.Name); got != c.Capacity {
			t.Errorf("%s: %d, want %d", c.Name, got, c.Capacity)
		}
	}
}

func TestCapacityPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"a?c", "aéc", true},
		{"a?c", "ac", false},
		{"[abc]x", "bx", true},
		{"[!abc]x", "bx", false},
		{"[!abc]x", "dx", true},
		{"[a-c]", "b", true},
		{"[c-a]", "b", false},
		{"[!c-a]", "b", true},
		{"[]]", "]", true},
		{"[!]]", "]", false},
		{"[a", "[a", true},
		{"[", "[", true},
		{"[!", "[!", true},
		{"[]", "[]", true},
		{"[-a]", "-", true},
		{"[^a]", "^", true},
		{`[\d]`, "d", true},
		{`[\d]`, "5", false},
		{"a.c", "abc", false},
		{"*!*", "a!b", true},
		{"*", "a\nb", true},
		{"A", "a", false},
	} {
		capacities, err := wire.NewCapacities(1, []layer.ChannelCapacity{{Pattern: c.pattern, Capacity: 2}})
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		if got := capacities.Of(c.name) == 2; got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.name, got)
		}
	}
}

// orderedCapacities is a dict in its order.
type orderedCapacities []layer.ChannelCapacity

func (c *orderedCapacities) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var n int
		if err := d.Decode(&n); err != nil {
			return err
		}
		*c = append(*c, layer.ChannelCapacity{Pattern: key.(string), Capacity: n})
	}
	return nil
}

var _ json.Unmarshaler = (*orderedCapacities)(nil)
