package blob

import (
	"container/list"
	"sync"

	"mox/internal/vfs"
)

// handles keeps files open for reading, up to a number of idle ones.
type handles struct {
	mu     sync.Mutex
	max    int
	byNum  map[uint32]*handle
	idle   *list.List // Of *handle without users, the longest unused in front.
	closed bool
}

// handle is an open file. It is closed when its last user is gone and it is no
// longer in the set.
type handle struct {
	number uint32
	users  int           // Guarded by handles.mu.
	elem   *list.Element // In handles.idle, nil while used.
	listed bool          // In handles.byNum.

	once sync.Once // Opens the file.
	file vfs.File
	err  error
}

func newHandles(max int) *handles {
	return &handles{max: max, byNum: map[uint32]*handle{}, idle: list.New()}
}

// get returns the handle of a file, opened with open unless it already is. The
// caller gives it back with put.
func (hs *handles) get(number uint32, open func() (vfs.File, error)) (*handle, error) {
	hs.mu.Lock()
	if hs.closed {
		hs.mu.Unlock()
		return nil, ErrClosed
	}
	h := hs.byNum[number]
	if h == nil {
		h = &handle{number: number, listed: true}
		hs.byNum[number] = h
	}
	h.users++
	if h.elem != nil {
		hs.idle.Remove(h.elem)
		h.elem = nil
	}
	hs.mu.Unlock()

	h.once.Do(func() { h.file, h.err = open() })
	if h.err != nil {
		err := h.err
		hs.mu.Lock()
		if h.listed {
			hs.unlist(h)
		}
		hs.mu.Unlock()
		hs.put(h)
		return nil, err
	}
	return h, nil
}

// put gives back a handle from get.
func (hs *handles) put(h *handle) {
	var gone *handle
	hs.mu.Lock()
	h.users--
	if h.users == 0 {
		if !h.listed {
			gone = h
		} else {
			h.elem = hs.idle.PushBack(h)
			if hs.idle.Len() > hs.max {
				gone = hs.unlist(hs.idle.Front().Value.(*handle))
			}
		}
	}
	hs.mu.Unlock()
	gone.close()
}

// drop takes a file that was removed out of the set. Those who use it may go on.
func (hs *handles) drop(number uint32) {
	var gone *handle
	hs.mu.Lock()
	if h := hs.byNum[number]; h != nil {
		gone = hs.unlist(h)
	}
	hs.mu.Unlock()
	gone.close()
}

// unlist takes h out of the set and returns it if it can be closed. hs.mu is
// held.
func (hs *handles) unlist(h *handle) *handle {
	delete(hs.byNum, h.number)
	h.listed = false
	if h.elem != nil {
		hs.idle.Remove(h.elem)
		h.elem = nil
	}
	if h.users > 0 {
		return nil
	}
	return h
}

// closeAll closes what nobody uses. The rest is closed by its users.
func (hs *handles) closeAll() {
	hs.mu.Lock()
	hs.closed = true
	var gone []*handle
	for _, h := range hs.byNum {
		if h := hs.unlist(h); h != nil {
			gone = append(gone, h)
		}
	}
	hs.mu.Unlock()
	for _, h := range gone {
		h.close()
	}
}

// close closes the file of a handle without users. A file opened for reading has
// nothing to lose by an error.
func (h *handle) close() {
	if h != nil && h.file != nil {
		h.file.Close()
	}
}
