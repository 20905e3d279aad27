package redislayer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

func TestDjangoConfigBecomesOptions(t *testing.T) {
	t.Setenv("CHANNELS_TEST_PASSWORD", "from-env")
	t.Setenv("CHANNELS_TEST_KEY", " one ")
	t.Setenv("CHANNELS_TEST_KEYS", `["two", "three"]`)
	config := `{"default": {"BACKEND": "x", "CONFIG": {
		"hosts": [["h", 1], {"address": "redis://h", "password": {"$env": "CHANNELS_TEST_PASSWORD"}}],
		"prefix": "app", "serializer_format": "json", "expiry": 1.5, "group_expiry": 3600, "capacity": 7,
		"random_prefix_length": -1, "on_disconnect": null,
		"channel_capacity": {"z*": 1, "a*": 2, "m[!x]": 3},
		"symmetric_encryption_keys": ["zero", {"$env": "CHANNELS_TEST_KEY"}, {"$env": "CHANNELS_TEST_KEYS"}, {"$bytes": "ff61"}]
	}}}`
	_, c, err := readDjango([]byte(config), "default")
	if err != nil {
		t.Fatal(err)
	}
	if c.randomPrefix == nil || *c.randomPrefix != -1 {
		t.Errorf("random prefix %v", c.randomPrefix)
	}
	var o Options
	c.fill(&o)
	host := o.Hosts[1].(map[string]any)
	if host["password"] != "from-env" {
		t.Errorf("password %q", host["password"])
	}
	o.Hosts = nil
	capacities := []layer.ChannelCapacity{{Pattern: "z*", Capacity: 1}, {Pattern: "a*", Capacity: 2}, {Pattern: "m[!x]", Capacity: 3}}
	want := Options{
		Prefix: "app", Format: "json", Expiry: 1500 * time.Millisecond, GroupExpiry: time.Hour, Capacity: 7,
		ChannelCapacity: capacities, EncryptionKeys: []string{"zero", "one", "two", "three", "\xffa"},
	}
	if d := cmp.Diff(want, o); d != "" {
		t.Errorf("options (-want +got):\n%s", d)
	}
	o = Options{Prefix: "mine", EncryptionKeys: []string{}, Hosts: []any{"redis://mine"}, Expiry: time.Second}
	c.fill(&o)
	want = Options{
		Prefix: "mine", EncryptionKeys: []string{}, Hosts: []any{"redis://mine"}, Expiry: time.Second,
		Format: "json", GroupExpiry: time.Hour, Capacity: 7, ChannelCapacity: capacities,
	}
	if d := cmp.Diff(want, o); d != "" {
		t.Errorf("options that were set before (-want +got):\n%s", d)
	}
}
