package queue

import (
	"container/heap"
	"strings"
	"time"

	"mox/queuedb"
)

// localPrefix starts the names of destinations on this host.
const localPrefix = "local:"

// scheduler knows, per destination, when there is something to do and how much is being done. It
// holds no recipients but those an attempt runs for. The Queue's lock guards it.
//
// Destinations on this host have a lane of their own: what is to be handed to an account does not wait
// for servers that do not answer.
type scheduler struct {
	dests  map[string]*dest
	lanes  [2]lane // Other hosts, this host.
	byDest int     // Attempts at a time to one destination.

	busy   map[queuedb.MessageID]int   // Attempts running per message.
	locked map[queuedb.MessageID]*lock // Messages no attempt may begin for.
}

// lane is the destinations that share a limit.
type lane struct {
	wait    destHeap // With something to do, earliest first.
	running int
	max     int
}

type dest struct {
	name    string
	lane    *lane
	due     time.Time
	index   int  // In the heap, -1 when not there.
	looking bool // It was taken by next, until looked is called.
	running int
	busy    map[queuedb.RecipientID]struct{} // Recipients an attempt runs for.
}

// lock keeps attempts for a message from beginning.
type lock struct {
	holders int
	skipped []string // Destinations to look at again when it is released.
}

func newScheduler(maxRemote, maxLocal, byDest int) *scheduler {
	return &scheduler{
		dests: map[string]*dest{}, lanes: [2]lane{{max: maxRemote}, {max: maxLocal}}, byDest: byDest,
		busy: map[queuedb.MessageID]int{}, locked: map[queuedb.MessageID]*lock{},
	}
}

// want notes that the destination has something to do at due, or earlier.
func (s *scheduler) want(name string, due time.Time) {
	d := s.dests[name]
	if d == nil {
		d = &dest{name: name, lane: &s.lanes[0], index: -1, busy: map[queuedb.RecipientID]struct{}{}}
		if strings.HasPrefix(name, localPrefix) {
			d.lane = &s.lanes[1]
		}
		s.dests[name] = d
	}
	switch {
	case d.index >= 0 && !due.Before(d.due):
	case d.index >= 0:
		d.due = due
		heap.Fix(&d.lane.wait, d.index)
	case d.running >= s.byDest:
		// It is looked at anew when one of its attempts ends.
	default:
		d.due = due
		heap.Push(&d.lane.wait, d)
	}
}

// next takes a destination that is due, to be looked at, or says how long until there may be one;
// false if only an event can bring one.
func (s *scheduler) next(now time.Time) (d *dest, wait time.Duration, timed bool) {
	for i := range s.lanes {
		l := &s.lanes[i]
		if l.running >= l.max || len(l.wait) == 0 {
			continue
		}
		first := l.wait[0]
		if until := first.due.Sub(now); until > 0 {
			if !timed || until < wait {
				wait, timed = until, true
			}
			continue
		}
		heap.Pop(&l.wait)
		first.looking = true
		return first, 0, true
	}
	return nil, wait, timed
}

// looked ends the looking that next has begun.
func (s *scheduler) looked(d *dest) {
	d.looking = false
	s.forget(d)
}

// begin notes an attempt, unless the message is locked.
func (s *scheduler) begin(d *dest, m queuedb.MessageID, rcpts []queuedb.RecipientID) bool {
	if l := s.locked[m]; l != nil {
		l.skipped = append(l.skipped, d.name)
		return false
	}
	d.lane.running++
	d.running++
	for _, id := range rcpts {
		d.busy[id] = struct{}{}
	}
	s.busy[m]++
	return true
}

// end notes the end of an attempt, after its results were written.
func (s *scheduler) end(d *dest, m queuedb.MessageID, rcpts []queuedb.RecipientID) {
	d.lane.running--
	d.running--
	for _, id := range rcpts {
		delete(d.busy, id)
	}
	if s.busy[m]--; s.busy[m] == 0 {
		delete(s.busy, m)
	}
	s.forget(d)
}

// forget drops a destination that has nothing to do.
func (s *scheduler) forget(d *dest) {
	if d.running == 0 && d.index < 0 && !d.looking {
		delete(s.dests, d.name)
	}
}

// lock keeps attempts for the message from beginning until unlock, unless one runs.
func (s *scheduler) lock(m queuedb.MessageID) bool {
	if s.busy[m] > 0 {
		return false
	}
	if s.locked[m] == nil {
		s.locked[m] = &lock{}
	}
	s.locked[m].holders++
	return true
}

// unlock releases a lock. Destinations that were passed over for it are looked at.
func (s *scheduler) unlock(m queuedb.MessageID, now time.Time) {
	l := s.locked[m]
	if l.holders--; l.holders > 0 {
		return
	}
	delete(s.locked, m)
	for _, name := range l.skipped {
		s.want(name, now)
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
