package layertest_test

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// hub is what relays have in common: it passes parcels on, and holds named channels. Its methods are such as net/rpc
// calls.
type hub struct {
	defect defect

	mu      sync.Mutex
	changed *sync.Cond
	last    int
	relays  map[int]*hubRelay
	owners  map[string]int // of specific channels: a relay
	queues  map[string][]Parcel
	groups  map[string][]string // named channels in groups
	dead    []string            // rooms in which a process was killed
	closed  bool
	n       int // of parcels published
}

type hubRelay struct {
	room    string
	parcels []Parcel
	late    []Parcel
}

// Parcel is a message on its way. Name is a channel's, or a group's.
type Parcel struct {
	From    int
	Room    string
	Group   bool
	Name    string
	Message []byte
	At      time.Time
}

func newHub(d defect) *hub {
	h := &hub{defect: d, relays: make(map[int]*hubRelay), owners: make(map[string]int), queues: make(map[string][]Parcel), groups: make(map[string][]string)}
	h.changed = sync.NewCond(&h.mu)
	return h
}

func (h *hub) Enter(room string, id *int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	*id = h.last
	h.relays[*id] = &hubRelay{room: room}
	return nil
}

// Leave takes a relay out, whose number is negative if it did not leave by itself.
func (h *hub) Leave(id int, _ *bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id < 0 {
		id = -id
		h.dead = append(h.dead, h.relays[id].room)
	}
	delete(h.relays, id)
	h.changed.Broadcast()
	return nil
}

// Owned is a channel that a relay has opened or closed, or a named one that is in a group or in it no more.
type Owned struct {
	Relay   int
	Room    string
	Channel string
	Group   string
	Gone    bool
}

func (h *hub) Own(o Owned, _ *bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := o.Room + "/" + o.Group
	switch {
	case o.Group != "" && o.Gone:
		h.groups[key] = slices.DeleteFunc(h.groups[key], func(c string) bool { return c == o.Channel })
	case o.Group != "":
		if !slices.Contains(h.groups[key], o.Channel) {
			h.groups[key] = append(h.groups[key], o.Channel)
		}
	case o.Gone:
		delete(h.owners, o.Channel)
	default:
		h.owners[o.Channel] = o.Relay
	}
	return nil
}

// Publish passes a parcel on to the relay that it is for or, a group's, to all, and reports to how many.
func (h *hub) Publish(p Parcel, n *int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	p.At = time.Now()
	if !p.Group {
		if h.relays[h.owners[p.Name]] != nil {
			*n = 1
			h.pass(h.owners[p.Name], p)
		}
		return nil
	}
	if slices.Contains(h.dead, p.Room) && h.defect == "GroupSend fails once a process is dead" {
		return errors.New("a process does not answer")
	}
	for id, r := range h.relays {
		if r.room == p.Room {
			h.pass(id, p)
		}
	}
	if h.defect != "named channels are members in their own process only" {
		for _, c := range h.groups[p.Room+"/"+p.Name] {
			*n++
			h.queues[p.Room+"/"+c] = append(h.queues[p.Room+"/"+c], p)
		}
	}
	h.changed.Broadcast()
	return nil
}

// pass gives a relay a parcel. The lock must be held.
func (h *hub) pass(id int, p Parcel) {
	r, away := h.relays[id], id != p.From
	switch {
	case away && h.n%25 == 0 && h.defect == "each 25th parcel comes twice":
		r.parcels = append(r.parcels, p)
	case away && h.n%25 == 0 && h.defect == "each 25th parcel is lost":
		h.changed.Broadcast()
		return
	case away && h.n%20 == 0 && h.defect == "each 20th parcel is late":
		r.late = append(r.late, p)
		return
	}
	r.parcels = append(append(r.parcels, p), r.late...)
	r.late = nil
	h.changed.Broadcast()
}

// Next waits for a relay's next parcel; one without a name says that there will be none.
func (h *hub) Next(id int, p *Parcel) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		r := h.relays[id]
		if r == nil || h.closed {
			return nil
		}
		if len(r.parcels) > 0 {
			*p, r.parcels = r.parcels[0], r.parcels[1:]
			return nil
		}
		h.changed.Wait()
	}
}

// Pushed is a parcel for a named channel that holds so many for so long.
type Pushed struct {
	Parcel   Parcel
	Capacity int
	Expiry   time.Duration
}

func (h *hub) Push(p Pushed, full *bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := p.Parcel.Room + "/" + p.Parcel.Name
	*full = p.Capacity > 0 && len(h.queues[key]) >= p.Capacity
	if !*full {
		p.Parcel.At = time.Now()
		h.queues[key] = append(h.queues[key], p.Parcel)
	}
	return nil
}

// Pop takes a parcel out of the named channel of such a parcel; one without a name says that there is none.
func (h *hub) Pop(p Pushed, got *Parcel) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := p.Parcel.Room + "/" + p.Parcel.Name
	for len(h.queues[key]) > 0 && got.Name == "" {
		first := h.queues[key][0]
		if first.From != p.Parcel.From && h.defect == "a named channel's message goes to a receiver in each process" {
			first.From = p.Parcel.From // the next time it is gone
			*got, h.queues[key][0] = first, first
			return nil
		}
		h.queues[key] = h.queues[key][1:]
		if p.Expiry == 0 || time.Since(first.At) <= p.Expiry || h.defect == "named channels' messages do not expire" {
			*got = first
		}
	}
	return nil
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.changed.Broadcast()
}
