package webmail

import (
	"encoding/json"
	"fmt"
	"strconv"
)

const (
	outKept = 512 << 10 // Bytes of events that are kept, in case they were lost on the way.
	outFull = 256 << 10 // With so many bytes to be written, no more events are made.
)

// outbox has the events of a stream: those to be written, and the last ones that were.
type outbox struct {
	events []outEvent
	last   uint64 // Number of the last event.
	sent   uint64 // Of the last one that was given out.
	bytes  int    // Of all.
	unsent int    // Of those that were not given out.
}

type outEvent struct {
	number uint64
	data   []byte // As it is written.
}

// post adds an event.
func (o *outbox) post(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("event %s: %w", name, err)
	}
	o.last++
	b := make([]byte, 0, len(data)+len(name)+40)
	b = append(b, "event: "...)
	b = append(b, name...)
	b = append(b, "\nid: "...)
	b = strconv.AppendUint(b, o.last, 10)
	b = append(b, "\ndata: "...)
	b = append(b, data...)
	b = append(b, "\n\n"...)
	o.events = append(o.events, outEvent{o.last, b})
	o.bytes += len(b)
	o.unsent += len(b)
	return nil
}

// full tells whether there is enough to be written.
func (o *outbox) full() bool { return o.unsent > outFull }

// take appends what is to be written.
func (o *outbox) take(b []byte) []byte {
	for _, e := range o.events {
		if e.number > o.sent {
			b = append(b, e.data...)
		}
	}
	o.sent = o.last
	o.unsent = 0
	drop := 0
	for o.bytes > outKept && drop < len(o.events) {
		o.bytes -= len(o.events[drop].data)
		drop++
	}
	o.events = append(o.events[:0:0], o.events[drop:]...)
	return b
}

// resume has the events after one be given out again. It reports false if they are not there any more.
func (o *outbox) resume(after uint64) bool {
	first := o.last + 1
	if len(o.events) > 0 {
		first = o.events[0].number
	}
	if after+1 < first || after > o.last {
		return false
	}
	o.sent = after
	o.unsent = 0
	for _, e := range o.events {
		if e.number > after {
			o.unsent += len(e.data)
		}
	}
	return true
}

// clear drops all events.
func (o *outbox) clear() { *o = outbox{last: o.last, sent: o.last} }
