package layer

// Stats tells what became of all messages of a layer so far, and what it holds now. Once nothing is under way,
// Routed = Delivered + Expired + all of Dropped + Pending, where Pending is what lies in the mailboxes.
type Stats struct {
	Sent, GroupSent int64                // calls that returned nil
	Routed          int64                // copies: one for each Send, one for each member of a GroupSend
	Delivered       int64                // copies taken from a mailbox, or diverted
	Expired         int64                // copies that waited too long
	Dropped         map[DropReason]int64 // copies dropped; every reason has an entry
	Pending         int64                // copies whose end is still to come
	Gaps            int64                // gaps left in mailboxes; what is coalesced counts once

	Channels, Groups, Memberships int64 // now
}

// Metric is one number of what is counted, for an adapter to a metrics system.
type Metric struct {
	Name   string // "channels_layer_dropped_total"
	Help   string
	Reason string // a label, of few different values, never a name of a group or channel; often empty
	Gauge  bool   // whether it goes up and down; otherwise it only grows
	Value  int64
}

// Measured is whatever has metrics. Metrics returns all of them each time, in the same order.
type Measured interface {
	Metrics() []Metric
}

// Metrics returns s as metrics named channels_layer_*, for a layer to implement [Measured] with.
func (s Stats) Metrics() []Metric {
	total := func(name, help string, value int64) Metric {
		return Metric{Name: "channels_layer_" + name + "_total", Help: help, Value: value}
	}
	gauge := func(name, help string, value int64) Metric {
		return Metric{Name: "channels_layer_" + name, Help: help, Gauge: true, Value: value}
	}
	all := []Metric{
		total("sent", "Messages sent to a channel.", s.Sent),
		total("group_sent", "Messages sent to a group.", s.GroupSent),
		total("routed", "Copies of messages made, one for each receiving channel.", s.Routed),
		total("delivered", "Copies handed to a receiver.", s.Delivered),
		total("expired", "Copies that waited longer than the expiry.", s.Expired),
		total("gaps", "Gaps signalled to channels.", s.Gaps),
	}
	for _, reason := range reasons {
		m := total("dropped", "Copies dropped, by reason.", s.Dropped[reason])
		m.Reason = string(reason)
		all = append(all, m)
	}
	return append(all,
		gauge("pending", "Copies waiting in mailboxes.", s.Pending),
		gauge("channels", "Open channels.", s.Channels),
		gauge("groups", "Groups that have a member.", s.Groups),
		gauge("memberships", "Memberships in all groups.", s.Memberships),
	)
}
