package layer

// queue is a ring of envelopes. A few lie in the struct itself, so that a mailbox whose reader keeps up allocates
// nothing; more get a slice, which is given back when they are gone if it is large.
type queue struct {
	ring  []Envelope // nil while first is the ring; its length is a power of two
	at, n uint32
	first [queueFirst]Envelope
}

const (
	queueFirst = 4
	queueKeep  = 32 // slots that an empty queue may keep
)

func (q *queue) slots() []Envelope {
	if q.ring != nil {
		return q.ring
	}
	return q.first[:]
}

func (q *queue) push(e Envelope) {
	slots := q.slots()
	if int(q.n) == len(slots) {
		slots = q.grow(slots)
	}
	slots[(q.at+q.n)&uint32(len(slots)-1)] = e
	q.n++
}

func (q *queue) head() Envelope { return q.slots()[q.at] }

func (q *queue) pop() Envelope {
	slots := q.slots()
	e := slots[q.at]
	slots[q.at] = Envelope{}
	q.at = (q.at + 1) & uint32(len(slots)-1)
	q.n--
	if q.n == 0 {
		q.at = 0
		if len(slots) > queueKeep {
			q.ring = nil
		}
	}
	return e
}

func (q *queue) grow(slots []Envelope) []Envelope {
	ring := make([]Envelope, 2*len(slots))
	k := copy(ring, slots[q.at:])
	copy(ring[k:], slots[:q.at])
	clear(slots)
	q.ring, q.at = ring, 0
	return ring
}
