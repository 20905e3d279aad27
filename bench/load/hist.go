package main

import "math"

// hist is a histogram of durations with buckets of 2 %. The zero value is empty.
type hist struct {
	n       int64
	buckets [1400]int64
}

var logStep = math.Log(1.02)

func (h *hist) add(ns int64) {
	h.n++
	i := 0
	if ns > 1 {
		i = min(int(math.Log(float64(ns))/logStep), len(h.buckets)-1)
	}
	h.buckets[i]++
}

// quantile returns the q quantile in microseconds, 0 if the histogram is empty.
func (h *hist) quantile(q float64) float64 {
	want, seen := int64(math.Ceil(q*float64(h.n))), int64(0)
	for i, n := range h.buckets {
		if seen += n; n > 0 && seen >= want {
			return math.Round(math.Pow(1.02, float64(i)+0.5)/100) / 10
		}
	}
	return 0
}
