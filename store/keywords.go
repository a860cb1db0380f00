package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// MaxMailboxKeywords is how many keywords a mailbox may have, in use or once used.
const MaxMailboxKeywords = 1000

// keywordTable has the interned sets of keywords of an account, as committed. Sets are never removed.
type keywordTable struct {
	mu    sync.RWMutex
	sets  [][]string            // By KeywordSet, less one.
	ids   map[string]KeywordSet // By joined keywords.
	spell map[string]string     // The spelling of a keyword, by its folded form.
}

// load reads the table.
func (k *keywordTable) load(tx *bstore.Tx) error {
	k.sets = nil
	k.ids = map[string]KeywordSet{}
	k.spell = map[string]string{}
	return bstore.QueryTx[keywordSetRow](tx).SortAsc("ID").ForEach(func(r keywordSetRow) error {
		if r.ID != int64(len(k.sets)+1) {
			return fmt.Errorf("keyword set %d is missing", len(k.sets)+1)
		}
		k.add(r.Keywords)
		return nil
	})
}

func (k *keywordTable) add(names []string) {
	k.sets = append(k.sets, names)
	k.ids[joinKeywords(names)] = KeywordSet(len(k.sets))
	for _, name := range names {
		if folded := imap.FoldKeyword(name); k.spell[folded] == "" {
			k.spell[folded] = name
		}
	}
}

func (k *keywordTable) names(set KeywordSet) []string {
	if set == 0 {
		return nil
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if int(set) > len(k.sets) {
		return nil
	}
	return k.sets[set-1]
}

// publish adds the sets that a transaction committed.
func (k *keywordTable) publish(s *keywordSets) {
	if len(s.added) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, names := range s.added {
		k.add(names)
	}
}

// Keywords are atoms, without spaces.
func joinKeywords(names []string) string { return strings.Join(names, " ") }

// keywordSets are the sets of an account as a transaction sees them. Only the committer uses it, and
// only it changes the table.
type keywordSets struct {
	table *keywordTable
	added [][]string
}

func (s *keywordSets) begin(table *keywordTable) {
	*s = keywordSets{table: table}
}

// names returns the keywords of a set.
func (s *keywordSets) names(set KeywordSet) []string {
	if n := len(s.table.sets); int(set) > n {
		return s.added[int(set)-n-1]
	}
	return s.table.names(set)
}

// find returns the set with the keywords.
func (s *keywordSets) find(names []string) (KeywordSet, bool) {
	if set, ok := s.table.ids[joinKeywords(names)]; ok {
		return set, true
	}
	for i, l := range s.added {
		if slices.Equal(l, names) {
			return KeywordSet(len(s.table.sets) + i + 1), true
		}
	}
	return 0, false
}

// spelling returns the form in which a keyword was first used.
func (s *keywordSets) spelling(name string) string {
	for _, l := range s.added {
		for _, k := range l {
			if imap.EqualKeyword(k, name) {
				return k
			}
		}
	}
	if first, ok := s.table.spell[imap.FoldKeyword(name)]; ok {
		return first
	}
	return name
}

// internKeywords returns the set of keywords that checkKeywords returned.
func (t *txn) internKeywords(names []string) (KeywordSet, error) {
	if len(names) == 0 {
		return 0, nil
	}
	names = slices.Clone(names)
	for i := range names {
		names[i] = t.sets.spelling(names[i])
	}
	if set, ok := t.sets.find(names); ok {
		return set, nil
	}
	set := KeywordSet(len(t.sets.table.sets) + len(t.sets.added) + 1)
	if err := t.insert(&keywordSetRow{ID: int64(set), Keywords: names}); err != nil {
		return 0, err
	}
	t.sets.added = append(t.sets.added, names)
	return set, nil
}

// changeKeywords returns the set that an operation with keywords that checkKeywords returned makes of another.
func (t *txn) changeKeywords(set KeywordSet, op FlagOp, names []string) (KeywordSet, error) {
	if op == FlagsReplace {
		return t.internKeywords(names)
	}
	if len(names) == 0 {
		return set, nil
	}
	have := t.sets.names(set)
	if op == FlagsAdd {
		return t.internKeywords(sortKeywords(slices.Concat(have, names)))
	}
	left := slices.DeleteFunc(slices.Clone(have), func(k string) bool {
		_, found := slices.BinarySearchFunc(names, k, compareKeywords)
		return found
	})
	return t.internKeywords(left)
}

// useKeywords adds the keywords of a set to those of a mailbox. Returns ErrTooManyKeywords.
func (t *txn) useKeywords(b *box, set KeywordSet) error {
	all := b.keywords
	for _, k := range t.sets.names(set) {
		i, found := slices.BinarySearchFunc(all, k, compareKeywords)
		if found {
			continue
		}
		if len(all) >= MaxMailboxKeywords {
			return ErrTooManyKeywords
		}
		// Views share the slice.
		all = slices.Insert(slices.Clone(all), i, k)
	}
	if len(all) != len(b.keywords) {
		b.keywords = all
		b.keywordsDirty = true
		t.writes++
	}
	return nil
}

// checkKeywords returns keywords in canonical spelling, sorted, each once. Returns ErrBadKeyword.
func checkKeywords(names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	l := make([]string, len(names))
	for i, name := range names {
		k, err := imap.CanonicalKeyword(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBadKeyword, err)
		}
		l[i] = k
	}
	return sortKeywords(l), nil
}

// sortKeywords sorts keywords, of which it keeps each once, in the spelling that comes first.
func sortKeywords(l []string) []string {
	slices.SortStableFunc(l, compareKeywords)
	return slices.CompactFunc(l, imap.EqualKeyword)
}

func compareKeywords(a, b string) int { return cmp.Compare(imap.FoldKeyword(a), imap.FoldKeyword(b)) }
