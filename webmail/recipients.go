package webmail

import (
	"context"
	"strings"

	"mox/store"
)

// maxSuggested is how many recipients are suggested.
const maxSuggested = 12

// recipients returns whom a text may be the beginning of: those that were written to, then accounts and addresses here.
func (s *Server) recipients(ctx context.Context, acc *store.Account, text string) ([]Correspondent, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	known, err := acc.Correspondents(ctx, text, maxSuggested)
	if err != nil {
		return nil, err
	}
	var l []Correspondent
	have := map[string]bool{}
	for _, k := range known {
		l = append(l, Correspondent{Name: k.Name, Address: k.Address, Count: int(k.Count), Last: k.Last.Unix()})
		have[strings.ToLower(k.Address)] = true
	}
	// Oneself can always be written to.
	for _, id := range identities(s.opts.Config(), session(ctx).Account) {
		if len(l) < maxSuggested && !strings.HasPrefix(id.Address, "@") && !have[strings.ToLower(id.Address)] && strings.HasPrefix(strings.ToLower(id.Address), strings.ToLower(text)) {
			l = append(l, Correspondent{Name: id.Name, Address: id.Address})
		}
	}
	return l, nil
}
