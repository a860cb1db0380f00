package queue

import (
	"container/heap"
	"time"

	"mox/queuedb"
)

// scheduler knows, per destination, when there is something to do and how much is being done. It
// holds no recipients but those an attempt runs for. The Queue's lock guards it.
type scheduler struct {
	dests map[string]*dest
	wait  destHeap // Destinations with something to do, earliest first.

	running       int
	maxRunning    int
	maxPerDest    int
	inFlight      map[queuedb.RecipientID]queuedb.MessageID
	busyMessages  map[queuedb.MessageID]int      // Attempts running per message.
	lockedAgainst map[queuedb.MessageID]struct{} // Messages no attempt may begin for: being canceled.
}

type dest struct {
	name    string
	due     time.Time
	running int
	index   int // In the heap, -1 when not there.
}

func newScheduler(maxRunning, maxPerDest int) *scheduler {
	return &scheduler{
		dests: map[string]*dest{}, maxRunning: maxRunning, maxPerDest: maxPerDest,
		inFlight: map[queuedb.RecipientID]queuedb.MessageID{}, busyMessages: map[queuedb.MessageID]int{},
		lockedAgainst: map[queuedb.MessageID]struct{}{},
	}
}

// want notes that the destination has something to do at due, or earlier.
func (s *scheduler) want(name string, due time.Time) {
	d := s.dests[name]
	if d == nil {
		d = &dest{name: name, index: -1}
		s.dests[name] = d
	}
	switch {
	case d.index >= 0 && !due.Before(d.due):
	case d.index >= 0:
		d.due = due
		heap.Fix(&s.wait, d.index)
	case d.running >= s.maxPerDest:
		// It is put back when one of its attempts ends, and looked at anew.
	default:
		d.due = due
		heap.Push(&s.wait, d)
	}
}

// next takes the destination that is due, or says how long until there may be one; false
// if only an event can bring one.
func (s *scheduler) next(now time.Time) (d *dest, wait time.Duration, timed bool) {
	if s.running >= s.maxRunning || len(s.wait) == 0 {
		return nil, 0, false
	}
	d = s.wait[0]
	if d.due.After(now) {
		return nil, d.due.Sub(now), true
	}
	heap.Pop(&s.wait)
	return d, 0, true
}

// begin notes an attempt.
func (s *scheduler) begin(d *dest, rcpts []queuedb.Recipient) {
	s.running++
	d.running++
	for _, r := range rcpts {
		s.inFlight[r.ID] = r.Message
	}
	s.busyMessages[rcpts[0].Message]++
}

// end notes the end of an attempt, after its results were written.
func (s *scheduler) end(d *dest, rcpts []queuedb.Recipient) {
	s.running--
	d.running--
	for _, r := range rcpts {
		delete(s.inFlight, r.ID)
	}
	id := rcpts[0].Message
	if s.busyMessages[id]--; s.busyMessages[id] == 0 {
		delete(s.busyMessages, id)
	}
	s.forget(d)
}

// forget drops a destination that has nothing to do.
func (s *scheduler) forget(d *dest) {
	if d.running == 0 && d.index < 0 {
		delete(s.dests, d.name)
	}
}

type destHeap []*dest

func (h destHeap) Len() int           { return len(h) }
func (h destHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h destHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *destHeap) Push(x any) {
	d := x.(*dest)
	d.index = len(*h)
	*h = append(*h, d)
}
func (h *destHeap) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	d.index = -1
	*h = old[:len(old)-1]
	return d
}
