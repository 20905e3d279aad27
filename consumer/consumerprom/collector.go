// Package consumerprom shows what handlers, workers and layers count to Prometheus.
//
// The metrics are named channels_*, those that only grow channels_*_total. Their
// one label is reason, beside the constant labels of the [Collector]: no name of a
// group, channel, user or path is ever a label, so the number of series stays
// small however many there are of those.
package consumerprom

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gochannels/channels/layer"
)

// reasonLabel is the label of metrics that are counted by reason.
const reasonLabel = "reason"

// Collector is a [prometheus.Collector] of everything that some handlers, workers
// and layers count. It asks them when it is asked, and keeps nothing itself.
type Collector struct {
	constant prometheus.Labels
	measured []layer.Measured
	fault    error
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector returns a collector of measured, all of whose series carry the
// constant labels, such as {"handler": "chat"}; nil is none. What several of them
// count under one name is added up; to tell them apart, register a collector for
// each, with different constant labels of the same names.
//
// A nil Measured, and a constant label that is named reason or has an invalid
// name, are errors of the registration.
func NewCollector(constant prometheus.Labels, measured ...layer.Measured) *Collector {
	c := &Collector{constant: maps.Clone(constant), measured: slices.Clone(measured)}
	isNil := func(m layer.Measured) bool {
		v := reflect.ValueOf(m)
		return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
	}
	if slices.ContainsFunc(measured, isNil) {
		c.fault = errors.New("consumerprom: a Measured is nil")
	}
	if _, ok := constant[reasonLabel]; ok {
		c.fault = fmt.Errorf("consumerprom: the label %q cannot be constant", reasonLabel)
	}
	return c
}

// Describe tells faults of the arguments. Otherwise it describes nothing, as the
// metrics are known only when there are some.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	switch probe := prometheus.NewDesc("channels", "", []string{reasonLabel}, c.constant); {
	case c.fault != nil:
		descs <- prometheus.NewInvalidDesc(c.fault)
	case probe.Err() != nil:
		descs <- probe
	}
}

// Collect sends the present values.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	if c.fault != nil {
		metrics <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(c.fault), c.fault)
		return
	}
	for _, m := range c.sum() {
		kind, labels, values := prometheus.CounterValue, []string(nil), []string(nil)
		if m.Gauge {
			kind = prometheus.GaugeValue
		}
		if m.Reason != "" {
			labels, values = []string{reasonLabel}, []string{m.Reason}
		}
		desc := prometheus.NewDesc(m.Name, m.Help, labels, c.constant)
		metric, err := prometheus.NewConstMetric(desc, kind, float64(m.Value), values...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(desc, err)
		}
		metrics <- metric
	}
}

// sum adds up what has the same name and reason. Prometheus wants one help for a
// name: the first that there is.
func (c *Collector) sum() []layer.Metric {
	type key struct{ name, reason string }
	var all []layer.Metric
	places := make(map[key]int)
	helps := make(map[string]string)
	for _, measured := range c.measured {
		for _, m := range measured.Metrics() {
			if helps[m.Name] == "" {
				helps[m.Name] = m.Help
			}
			if i, ok := places[key{m.Name, m.Reason}]; ok {
				all[i].Value += m.Value
				continue
			}
			places[key{m.Name, m.Reason}] = len(all)
			all = append(all, m)
		}
	}
	for i := range all {
		all[i].Help = helps[all[i].Name]
	}
	return all
}
