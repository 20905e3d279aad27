package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/gochannels/channels/layer"
)

const (
	historySize = 50              // messages that a newcomer sees
	idsSize     = 500             // messages of a room that are known again when sent once more
	roomsSize   = 500             // rooms remembered after everybody left
	repeat      = 5 * time.Second // between announcements of a number that did not change
)

// Rooms is what the process knows of all rooms: who is there and what was said.
// Its methods may be called concurrently.
type Rooms struct {
	mu      sync.Mutex
	rooms   map[string]*room
	changed map[string]bool // rooms whose number of people was not announced yet
	process string          // tells this process' announcements from others'
}

type room struct {
	people  int
	others  map[string]heard // by process
	history []Said
	ids     []string // oldest first
	used    time.Time
}

// People is what a process says of a room: how many of its people are there.
type People struct {
	Process string `json:"process"`
	People  int    `json:"people"`
}

// heard is what another process said last.
type heard struct {
	people int
	at     time.Time
}

// Open is a room with people in it.
type Open struct {
	Name   string
	People int
}

// NewRooms returns Rooms without any.
func NewRooms() *Rooms {
	return &Rooms{rooms: make(map[string]*room), changed: make(map[string]bool), process: rand.Text()}
}

// Enter counts one more visitor of the room.
func (r *Rooms) Enter(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.room(name).people++
	r.changed[name] = true
}

// Leave counts one visitor less.
func (r *Rooms) Leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	place := r.room(name)
	place.people--
	r.changed[name] = true
	if place.people == 0 && len(place.history) == 0 {
		delete(r.rooms, name)
	}
}

// Look returns the last messages of the room, oldest first, and how many people
// are in it.
func (r *Rooms) Look(name string) (history []Said, people int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	place, ok := r.rooms[name]
	if !ok {
		return []Said{}, 0
	}
	return append([]Said{}, place.history...), place.total()
}

// Keep remembers what was said. When the room knows its id already it changes
// nothing and returns the message as it was said first.
func (r *Rooms) Keep(name string, said Said) (kept Said, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	place := r.room(name)
	if slices.Contains(place.ids, said.ID) {
		if i := place.find(said.ID); i >= 0 {
			return place.history[i], false
		}
		return said, false
	}
	place.ids = last(append(place.ids, said.ID), idsSize)
	place.history = last(append(place.history, said), historySize)
	return said, true
}

// Forget undoes a Keep.
func (r *Rooms) Forget(name, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	place := r.room(name)
	place.ids = slices.DeleteFunc(place.ids, func(known string) bool { return known == id })
	place.history = slices.DeleteFunc(place.history, func(s Said) bool { return s.ID == id })
}

// Open returns the rooms with people in them, the fullest first.
func (r *Rooms) Open() []Open {
	r.mu.Lock()
	defer r.mu.Unlock()
	var open []Open
	for name, place := range r.rooms {
		if place.people > 0 {
			open = append(open, Open{name, place.people})
		}
	}
	slices.SortFunc(open, func(a, b Open) int {
		return cmp.Or(b.People-a.People, cmp.Compare(a.Name, b.Name))
	})
	return open
}

// Heard notes what a process says of its people in the room, and returns how many
// are there in all.
func (r *Rooms) Heard(name string, p People) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	place := r.room(name)
	if p.Process != r.process {
		if place.others == nil {
			place.others = make(map[string]heard)
		}
		place.others[p.Process] = heard{p.People, time.Now()}
	}
	return place.total()
}

// Announce tells each room whose number of people changed since the last call.
func (r *Rooms) Announce(ctx context.Context, l layer.ChannelLayer) {
	r.mu.Lock()
	numbers := make(map[string]int, len(r.changed))
	for name := range r.changed {
		numbers[name] = 0
		if place, ok := r.rooms[name]; ok {
			numbers[name] = place.people
		}
	}
	clear(r.changed)
	r.mu.Unlock()

	for name, people := range numbers {
		msg := layer.Message{"type": "chat.people", "process": r.process, "people": people}
		if err := l.GroupSend(ctx, GroupOf(name), msg); err != nil {
			// Said again with the next round.
			r.mu.Lock()
			r.changed[name] = true
			r.mu.Unlock()
		}
	}
}

// AnnounceEvery announces until ctx is done. A round at a time, and not a message
// for each who comes, because a room of two thousand would get two million.
func (r *Rooms) AnnounceEvery(ctx context.Context, l layer.ChannelLayer, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	again := time.Now().Add(repeat)
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if now.After(again) {
				again = now.Add(repeat)
				r.touch()
			}
			r.Announce(ctx, l)
		}
	}
}

// touch makes the next Announce speak of every room with people.
func (r *Rooms) touch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, place := range r.rooms {
		if place.people > 0 {
			r.changed[name] = true
		}
	}
}

// room returns the room of that name, which it makes if needed; r.mu is held.
func (r *Rooms) room(name string) *room {
	place, ok := r.rooms[name]
	if !ok {
		r.makeSpace()
		place = new(room)
		r.rooms[name] = place
	}
	place.used = time.Now()
	return place
}

// makeSpace forgets the empty room that was used longest ago, if there are too many.
func (r *Rooms) makeSpace() {
	if len(r.rooms) < roomsSize {
		return
	}
	oldest := ""
	for name, place := range r.rooms {
		if place.people == 0 && (oldest == "" || place.used.Before(r.rooms[oldest].used)) {
			oldest = name
		}
	}
	delete(r.rooms, oldest)
}

// total counts the room's people in all processes. One that was not heard of for
// long has ended without a word.
func (p *room) total() int {
	n := p.people
	for process, h := range p.others {
		if time.Since(h.at) > 3*repeat {
			delete(p.others, process)
			continue
		}
		n += h.people
	}
	return n
}

func (p *room) find(id string) int {
	return slices.IndexFunc(p.history, func(s Said) bool { return s.ID == id })
}

// last returns the last n elements of s, moved to its front so that it stays small.
func last[T any](s []T, n int) []T {
	if len(s) <= n {
		return s
	}
	return slices.Delete(s, 0, len(s)-n)
}
