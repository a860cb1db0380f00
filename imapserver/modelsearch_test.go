package imapserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"mox/imap"
)

// searchResult is an ESEARCH response.
type searchResult struct {
	tag   string
	uid   bool
	items map[string]string
}

// hearESearch reads what comes after "ESEARCH".
func (c *modelClient) hearESearch(rest string) {
	c.t.Helper()
	if c.esearch != nil {
		c.fatalf("second ESEARCH response")
	}
	f := strings.Fields(rest)
	if len(f) < 2 || f[0] != "(TAG" {
		c.fatalf("ESEARCH without a tag")
	}
	c.esearch = &searchResult{tag: strings.Trim(f[1], `")`), items: map[string]string{}}
	if f = f[2:]; len(f) > 0 && f[0] == "UID" {
		c.esearch.uid, f = true, f[1:]
	}
	for ; len(f) >= 2; f = f[2:] {
		if _, ok := c.esearch.items[f[0]]; ok {
			c.fatalf("ESEARCH with two of %s", f[0])
		}
		c.esearch.items[f[0]] = f[1]
	}
	if len(f) != 0 {
		c.fatalf("ESEARCH with %s that has no value", f[0])
	}
}

// all returns the numbers of ALL, which is taken from the response.
func (c *modelClient) all() []uint32 {
	c.t.Helper()
	text, ok := c.esearch.items["ALL"]
	if !ok {
		return nil
	}
	delete(c.esearch.items, "ALL")
	set, err := imap.ParseSet(imap.SeqSet{}, []byte(text), 10000)
	if err != nil || set.Dynamic() || len(set) == 0 {
		c.fatalf("ESEARCH with ALL %s: %v", text, err)
	}
	var l []uint32
	for n := range set.Resolve(1 << 20).All() {
		l = append(l, uint32(n))
	}
	return l
}

// searchReturn are result options as a client writes them. It is nil for a SEARCH without RETURN.
type searchReturn []string

func randomReturn(r *rand.Rand) searchReturn {
	if r.IntN(3) == 0 {
		return nil
	}
	o := searchReturn{}
	for range r.IntN(4) {
		o = append(o, []string{"MIN", "MAX", "ALL", "COUNT", "SAVE", "SAVE"}[r.IntN(6)])
	}
	return o
}

func (o searchReturn) String() string {
	if o == nil {
		return ""
	}
	return " RETURN (" + strings.Join(o, " ") + ")"
}

func (o searchReturn) has(option string) bool {
	return slices.Contains(o, option) || option == "ALL" && len(o) == 0
}

// onlySave reports whether nothing is asked for but to save.
func (o searchReturn) onlySave() bool {
	return o.has("SAVE") && !o.has("MIN") && !o.has("MAX") && !o.has("ALL") && !o.has("COUNT")
}

// limit returns the positions that SAVE and MODSEQ are about (RFC 9051 §6.4.4.1, RFC 4731 §3.2).
func (o searchReturn) limit(found []int) []int {
	if len(found) == 0 || o.has("ALL") || o.has("COUNT") || o.onlySave() {
		return found
	}
	var l []int
	if o.has("MIN") {
		l = append(l, found[0])
	}
	if o.has("MAX") {
		l = append(l, found[len(found)-1])
	}
	return l
}

func (c *client) doSearch() {
	c.t.Helper()
	s := c.session
	word, uid := c.word("SEARCH")
	k := s.randomKey(c.m.r, 0)
	options := randomReturn(c.m.r)
	command := fmt.Sprintf("%s%s %s", word, options, k.text)
	if c.m.r.IntN(12) == 0 {
		c.expectStatus("NO", fmt.Sprintf("%s%s CHARSET KLINGON %s", word, options, k.text))
		if options.has("SAVE") {
			s.saved = nil
		}
		c.ended(false)
	} else {
		c.condstore = c.condstore || k.modseq
		c.expectStatus("OK", command)
		found := s.search(k)
		c.checkSearch(command, uid, options, k.modseq, found)
		if options.has("SAVE") {
			s.saved = nil
			for _, i := range options.limit(found) {
				s.saved = append(s.saved, s.shown[i].uid)
			}
		}
		c.ended(uid)
	}
	if options.has("SAVE") && c.m.r.IntN(2) == 0 {
		const command = "UID SEARCH RETURN () $"
		c.expectStatus("OK", command)
		pos := s.existing(numbers{saved: true}, true)
		c.checkSearch(command, true, searchReturn{}, false, pos)
		c.ended(true)
	}
}

// search returns the positions in shown of the messages that a key finds.
func (s *session) search(k searchKey) (found []int) {
	for i := range s.shown {
		if k.match(i, &s.shown[i]) {
			found = append(found, i)
		}
	}
	return found
}

// checkSearch compares the answer to a SEARCH with the positions that should be found.
func (c *client) checkSearch(command string, uid bool, options searchReturn, modseq bool, found []int) {
	c.t.Helper()
	s := c.session
	want := []uint32{}
	for _, i := range found {
		if uid {
			want = append(want, uint32(s.shown[i].uid))
		} else {
			want = append(want, uint32(i+1))
		}
	}
	switch {
	case options == nil && !c.rev2:
		if c.esearch != nil || !slices.Equal(c.search, want) {
			c.fatalf("%s: found %v, want %v", command, c.search, want)
		}
		return
	case options.onlySave():
		if c.esearch != nil || c.search != nil {
			c.fatalf("%s: response, though only SAVE was asked for", command)
		}
		return
	case c.search != nil || c.esearch == nil || c.esearch.uid != uid || c.esearch.tag != fmt.Sprintf("t%d", c.tag):
		c.fatalf("%s: no ESEARCH response, or one for something else", command)
	}
	items := map[string]string{}
	if options.has("COUNT") {
		items["COUNT"] = strconv.Itoa(len(found))
	}
	if len(found) > 0 {
		if options.has("MIN") {
			items["MIN"] = fmt.Sprint(want[0])
		}
		if options.has("MAX") {
			items["MAX"] = fmt.Sprint(want[len(want)-1])
		}
		if modseq {
			highest := imap.ModSeq(0)
			for _, i := range options.limit(found) {
				highest = max(highest, s.shown[i].modseq)
			}
			items["MODSEQ"] = fmt.Sprint(highest)
		}
	}
	if !options.has("ALL") {
		want = nil
	}
	if got := c.all(); !slices.Equal(got, want) {
		c.fatalf("%s: found %v, want %v", command, got, want)
	}
	if got := fmt.Sprint(c.esearch.items); got != fmt.Sprint(items) {
		c.fatalf("%s: got %s, want %v", command, got, items)
	}
}

// searchAll checks that what a search tells makes sense.
func (c *crowdClient) searchAll() {
	uid := c.r.IntN(2) == 0
	word := "SEARCH"
	if uid {
		word = "UID SEARCH"
	}
	c.must("OK", word+" RETURN (SAVE MIN MAX COUNT ALL) OR SEEN KEYWORD work")
	all := c.all()
	items := map[string]string{"COUNT": strconv.Itoa(len(all))}
	if len(all) > 0 {
		last := all[len(all)-1]
		if !uid && int(last) > len(c.list) {
			c.fatalf("SEARCH found message %d of %d", last, len(c.list))
		}
		items["MIN"], items["MAX"] = fmt.Sprint(all[0]), fmt.Sprint(last)
	}
	if got := fmt.Sprint(c.esearch.items); got != fmt.Sprint(items) || c.esearch.uid != uid {
		c.fatalf("%s: got %s, want %v", word, got, items)
	}
	// What was saved may shrink, but not grow.
	c.must("OK", "UID SEARCH RETURN (COUNT) $")
	if n, err := strconv.Atoi(c.esearch.items["COUNT"]); err != nil || n > len(all) {
		c.fatalf("%d of %d are in the saved result", n, len(all))
	}
}
