package consumerprom_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gochannels/channels/consumer/consumerprom"
	"github.com/gochannels/channels/layer"
)

func ExampleNewCollector() {
	memory := new(layer.Memory)

	registry := prometheus.NewRegistry()
	registry.MustRegister(consumerprom.NewCollector(prometheus.Labels{"layer": "main"}, memory))

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, family := range families {
		if family.GetName() == "channels_layer_channels" {
			m := family.GetMetric()[0]
			fmt.Println(m.GetLabel()[0].GetValue(), m.GetGauge().GetValue())
		}
	}
	// Output: main 0
}
