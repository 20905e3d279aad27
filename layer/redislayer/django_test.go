package redislayer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
)

const (
	djangoCore   = "channels_redis.core.RedisChannelLayer"
	djangoPubSub = "channels_redis.pubsub.RedisPubSubChannelLayer"
)

// fromDjango calls FromDjango for a layer of which the test needs no server, and returns what it warns of.
func fromDjango(t *testing.T, config, alias string) (layer.ChannelLayer, []string, error) {
	t.Helper()
	var log bytes.Buffer
	// Only what is logged before the layer is made belongs to its configuration.
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.MessageKey {
				return a
			}
			return slog.Attr{}
		},
	}))
	l, err := redislayer.FromDjango([]byte(config), alias, &redislayer.Options{Logger: logger})
	if err == nil {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	var warnings []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "gnored") {
			warnings = append(warnings, strings.TrimSpace(strings.TrimPrefix(line, "msg=")))
		}
	}
	return l, warnings, err
}

// djangoConfig is a CHANNEL_LAYERS of one layer at an address where nobody listens.
func djangoConfig(backend, more string) string {
	if more != "" {
		more = ", " + more
	}
	return fmt.Sprintf(`{"default": {"BACKEND": %q, "CONFIG": {"hosts": [["127.0.0.1", 1]]%s}}}`, backend, more)
}

func TestFromDjangoPicksTheLayer(t *testing.T) {
	t.Parallel()
	l, warnings, err := fromDjango(t, djangoConfig(djangoCore, `"capacity": 10, "expiry": 5`), "default")
	if _, ok := l.(*redislayer.Core); !ok || err != nil || warnings != nil {
		t.Errorf("core: %T, %q, %v", l, warnings, err)
	}
	l, warnings, err = fromDjango(t, djangoConfig(djangoCore, `"random_prefix_length": 0`), "default")
	if _, ok := l.(*redislayer.Core); !ok || err != nil || warnings != nil {
		t.Errorf("core without a prefix: %T, %q, %v", l, warnings, err)
	}
	greeting := "6 objects imported automatically (use -v 2 for details).\n\n"
	l, warnings, err = fromDjango(t, greeting+djangoConfig(djangoPubSub, ""), "default")
	if _, ok := l.(*redislayer.PubSub); !ok || err != nil || warnings != nil {
		t.Errorf("pubsub: %T, %q, %v", l, warnings, err)
	}
	l, _, err = fromDjango(t, `{"x": {"BACKEND": "`+djangoPubSub+`"}}`, "x")
	if _, ok := l.(*redislayer.PubSub); !ok || err != nil {
		t.Errorf("without CONFIG: %T, %v", l, err)
	}
}

func TestFromDjangoNamesWhatItIgnores(t *testing.T) {
	t.Parallel()
	const ignored = `"redislayer: CONFIG: ignored, as `
	for _, c := range []struct {
		backend, config string
		want            []string
	}{
		{
			djangoPubSub, `"capacity": 5, "expiry": 60, "group_expiry": null, "channel_capacity": {}, "random_prefix_length": 3`,
			[]string{ignored + djangoPubSub + ` has no use for it: capacity, channel_capacity, expiry, random_prefix_length"`},
		},
		{djangoPubSub, `"on_disconnect": {"$unconverted": "function"}`, nil},
		{
			djangoCore, `"on_disconnect": {"$unconverted": "function"}`,
			[]string{ignored + djangoCore + ` has no use for it: on_disconnect"`},
		},
		{
			djangoCore, `"channel_capacity": {"$pairs": [["a", 1], [{"$unconverted": "re.Pattern"}, 2]]}`,
			[]string{`"redislayer: CONFIG: channel_capacity: ignored, as only patterns of fnmatch have a counterpart: a Python re.Pattern"`},
		},
		{
			djangoPubSub, `"hosts": [{"host": "127.0.0.1", "port": 1, "retry": {"$unconverted": "redis.Retry"}, "max_connections": 3}]`,
			[]string{`"redislayer: host 0: ignored: max_connections, retry"`},
		},
	} {
		_, warnings, err := fromDjango(t, djangoConfig(c.backend, c.config), "default")
		if err != nil {
			t.Errorf("%s: %v", c.config, err)
		}
		if d := cmp.Diff(c.want, warnings); d != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", c.config, d)
		}
	}
}

func TestFromDjangoRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ config, want string }{
		{`nonsense`, "JSON"},
		{`[]`, "JSON"},
		{`{"other": {}}`, "alias"},
		{`{"default": {"BACKEND": 5}}`, "BACKEND"},
		{`{"default": {"CONFIG": {}}}`, "BACKEND"},
		{djangoConfig("channels.layers.InMemoryChannelLayer", ""), "layer.Memory"},
		{djangoConfig("myapp.layers.Mine", ""), "myapp.layers.Mine"},
		{`{"default": {"BACKEND": "` + djangoCore + `", "CONFIG": []}}`, "dict"},
		{djangoConfig(djangoCore, `"capcity": 5`), `"capcity"`},
		{djangoConfig(djangoPubSub, `"on_connect": 5`), `"on_connect"`},
		{djangoConfig(djangoCore, `"hosts": "redis://hunter2@h"`), "list of hosts"},
		{djangoConfig(djangoCore, `"hosts": [{"host": "h", "hots": 5}]`), `"hots"`},
		{djangoConfig(djangoCore, `"hosts": [{"host": "h", "credential_provider": {"$unconverted": "Provider"}}]`), "credential_provider"},
		{djangoConfig(djangoCore, `"hosts": [{"host": {"$unconverted": "Secret"}}]`), "Python Secret"},
		{djangoConfig(djangoCore, `"prefix": 5`), "prefix"},
		{djangoConfig(djangoCore, `"serializer_format": "yaml"`), "yaml"},
		{djangoConfig(djangoCore, `"expiry": 0`), "expiry"},
		{djangoConfig(djangoCore, `"expiry": "60"`), "expiry"},
		{djangoConfig(djangoCore, `"capacity": 1.5`), "capacity"},
		{djangoConfig(djangoCore, `"capacity": 0`), "capacity"},
		{djangoConfig(djangoCore, `"channel_capacity": {"a": "b"}`), `"a"`},
		{djangoConfig(djangoCore, `"channel_capacity": [1]`), "channel_capacity"},
		{djangoConfig(djangoCore, `"random_prefix_length": "x"`), "random_prefix_length"},
		{djangoConfig(djangoCore, `"symmetric_encryption_keys": "hunter2"`), "list of keys"},
		{djangoConfig(djangoCore, `"symmetric_encryption_keys": [5]`), "key 0"},
		{djangoConfig(djangoCore, `"symmetric_encryption_keys": [""]`), "empty"},
		{djangoConfig(djangoCore, `"symmetric_encryption_keys": {"$unconverted": "Vault"}`), "list of keys"},
		{djangoConfig(djangoCore, `"symmetric_encryption_keys": [{"$unconverted": "Key"}]`), "Python Key"},
		{djangoConfig(djangoCore, `"symmetric_encryption_keys": {"$env": "CHANNELS_TEST_UNSET"}`), "CHANNELS_TEST_UNSET"},
		{djangoConfig(djangoCore, `"prefix": {"$what": "x"}`), "$what"},
	} {
		_, _, err := fromDjango(t, c.config, "default")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.config, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: a secret is told: %v", c.config, err)
		}
	}
}

// python runs the module's script or its test with the interpreter of the system.
func python(t *testing.T, dir string, arguments ...string) []byte {
	t.Helper()
	name, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is needed, which test.sh installs")
	}
	cmd := exec.CommandContext(t.Context(), name, append([]string{"-B"}, arguments...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3 %q: %v\n%s", arguments, err, &stderr)
	}
	return out
}

func TestPythonScript(t *testing.T) {
	t.Parallel()
	python(t, "django", "-m", "unittest", "-q", "test_channels_config")
}

func TestFromDjangoTakesWhatTheScriptPrints(t *testing.T) {
	t.Setenv("CHANNELS_TEST_KEYS", `["secret", "old"]`)
	dir := t.TempDir()
	settings := `
import datetime, re, ssl
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "hosts": [("127.0.0.1", 1), {"address": b"rediss://127.0.0.1:1", "ssl_cert_reqs": ssl.CERT_NONE, "retry": object()}],
            "channel_capacity": {"z*": 1, re.compile("b+"): 2},
            "group_expiry": datetime.timedelta(days=1),
            "symmetric_encryption_keys": ["hunter2"],
        },
    },
    "second": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [("127.0.0.1", 1)]}},
}
`
	if err := os.WriteFile(filepath.Join(dir, "mysettings.py"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("django/channels_config.py")
	if err != nil {
		t.Fatal(err)
	}
	out := python(t, dir, script, "--keys-env", "CHANNELS_TEST_KEYS", "mysettings")
	if !json.Valid(out) || bytes.Contains(out, []byte("hunter2")) {
		t.Fatalf("printed: %s", out)
	}
	l, warnings, err := fromDjango(t, string(out), "default")
	if _, ok := l.(*redislayer.Core); !ok || err != nil || len(warnings) != 2 {
		t.Errorf("default: %T, %q, %v", l, warnings, err)
	}
	l, _, err = fromDjango(t, string(out), "second")
	if _, ok := l.(*redislayer.PubSub); !ok || err != nil {
		t.Errorf("second: %T, %v", l, err)
	}
}
