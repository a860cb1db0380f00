package webmail

import (
	"fmt"
	"strconv"

	"mox/store"
)

// parseEmailID returns the id of an email as EmailID.String writes it.
func parseEmailID(text string) (store.EmailID, bool) {
	if len(text) != 32 {
		return store.EmailID{}, false
	}
	key, err1 := parseHex(text[:16])
	random, err2 := parseHex(text[16:])
	id := store.EmailID{Key: key, Random: random}
	// Only one way to write an id, as it is the key of caches too.
	return id, err1 == nil && err2 == nil && !id.IsZero() && id.String() == text
}

// threadText returns the id of a thread as pages have it.
func threadText(id store.ThreadID) string { return fmt.Sprintf("%016x", uint64(id)) }

// parseThreadID returns the id of a thread that threadText has written.
func parseThreadID(text string) (store.ThreadID, bool) {
	if len(text) != 16 {
		return 0, false
	}
	n, err := parseHex(text)
	id := store.ThreadID(n)
	return id, err == nil && threadText(id) == text
}

func parseHex(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 16, 64)
	return int64(n), err
}
