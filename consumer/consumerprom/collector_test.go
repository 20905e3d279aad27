package consumerprom_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/consumer/consumerprom"
	"github.com/gochannels/channels/layer"
)

type fixed []layer.Metric

func (f fixed) Metrics() []layer.Metric { return f }

var (
	chat = fixed{
		{Name: "channels_consumer_accepted_total", Help: "Handshakes accepted.", Value: 3},
		{Name: "channels_consumer_closed_total", Help: "Connections ended.", Reason: "client", Value: 1},
		{Name: "channels_consumer_closed_total", Reason: "slow", Value: 1},
		{Name: "channels_consumer_open", Help: "Connections now.", Gauge: true, Value: 1},
	}
	news = fixed{
		{Name: "channels_consumer_accepted_total", Help: "Handshakes accepted.", Value: 40},
		{Name: "channels_consumer_open", Help: "Connections now.", Gauge: true, Value: 7},
	}
)

func TestCollectorAddsUp(t *testing.T) {
	t.Parallel()
	expect(t, []*consumerprom.Collector{consumerprom.NewCollector(nil, chat, news)}, `
# HELP channels_consumer_accepted_total Handshakes accepted.
# TYPE channels_consumer_accepted_total counter
channels_consumer_accepted_total 43
# HELP channels_consumer_closed_total Connections ended.
# TYPE channels_consumer_closed_total counter
channels_consumer_closed_total{reason="client"} 1
channels_consumer_closed_total{reason="slow"} 1
# HELP channels_consumer_open Connections now.
# TYPE channels_consumer_open gauge
channels_consumer_open 8
`)
}

func TestConstantLabelsTellCollectorsApart(t *testing.T) {
	t.Parallel()
	expect(t, []*consumerprom.Collector{
		consumerprom.NewCollector(prometheus.Labels{"handler": "chat"}, chat),
		consumerprom.NewCollector(prometheus.Labels{"handler": "news"}, news),
	}, `
# HELP channels_consumer_accepted_total Handshakes accepted.
# TYPE channels_consumer_accepted_total counter
channels_consumer_accepted_total{handler="chat"} 3
channels_consumer_accepted_total{handler="news"} 40
# HELP channels_consumer_closed_total Connections ended.
# TYPE channels_consumer_closed_total counter
channels_consumer_closed_total{handler="chat",reason="client"} 1
channels_consumer_closed_total{handler="chat",reason="slow"} 1
# HELP channels_consumer_open Connections now.
# TYPE channels_consumer_open gauge
channels_consumer_open{handler="chat"} 1
channels_consumer_open{handler="news"} 7
`)
}

func TestRegistrationRefusesFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*consumerprom.Collector{
		"nil":             consumerprom.NewCollector(nil, chat, nil),
		"reason":          consumerprom.NewCollector(prometheus.Labels{"reason": "x"}, chat),
		"name of a label": consumerprom.NewCollector(prometheus.Labels{"__name__": "x"}, chat),
		"value":           consumerprom.NewCollector(prometheus.Labels{"handler": "\xff"}, chat),
	} {
		if err := prometheus.NewPedanticRegistry().Register(c); err == nil {
			t.Errorf("%s: registered", name)
		}
	}
}

// What the library really counts passes Prometheus' own rules for metrics.
func TestMetricsOfHandlerAndLayer(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	handler := consumer.MustHandler(func() *client { return new(client) }, &consumer.Options{Layer: l})
	c := consumerprom.NewCollector(nil, handler, l)

	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "channels_") {
			t.Errorf("%s is not named channels_*", family.GetName())
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() != "reason" {
					t.Errorf("%s has the label %s", family.GetName(), label.GetName())
				}
			}
		}
	}
}

type client struct{ consumer.Base }

func expect(t *testing.T, collectors []*consumerprom.Collector, want string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		registry.MustRegister(c)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

type one struct{}

func (*one) Metrics() []layer.Metric {
	return []layer.Metric{{Name: "channels_a", Help: "a", Gauge: true, Value: 1}}
}

// The caller may use one map of labels for several collectors, and a nil pointer
// is noticed at the registration.
func TestArgumentsAreTaken(t *testing.T) {
	t.Parallel()
	reg, labels := prometheus.NewPedanticRegistry(), prometheus.Labels{}
	for _, h := range []string{"chat", "taxi"} {
		labels["handler"] = h
		reg.MustRegister(consumerprom.NewCollector(labels, new(one)))
	}
	if _, err := reg.Gather(); err != nil {
		t.Error(err)
	}
	if err := reg.Register(consumerprom.NewCollector(nil, (*one)(nil))); err == nil {
		t.Error("a nil pointer is taken")
	}
}
