package webmail

import (
	"context"
	"strings"
)

// checkView returns an error for what cannot be the name of a view.
func checkView(name string) error {
	if name == "" || len(name) > 64 {
		return errUser(codeBad, "The view has no name.")
	}
	return nil
}

// ViewOpen opens a view. What it shows comes over the stream.
func (a API) ViewOpen(ctx context.Context, request ViewRequest) (rerr error) {
	defer a.s.tell(ctx, "ViewOpen", &rerr)
	if err := checkView(request.View); err != nil {
		return err
	}
	if request.Query, rerr = request.Query.check(); rerr != nil {
		return rerr
	}
	request.First = max(request.First, 0)
	request.Count = min(max(request.Count, 0), MaxRows)
	s, err := a.s.streams.get(ctx, request.Stream)
	if err != nil {
		return err
	}
	if request.ModSeq != 0 {
		a.s.streams.takeOver(s, request.View)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = timeZone(ctx)
	if err := s.openView(request); err != nil {
		return err
	}
	s.signal()
	return nil
}

// ViewRange asks for rows of a view, which come over the stream.
func (a API) ViewRange(ctx context.Context, stream, view string, first, count int) (rerr error) {
	defer a.s.tell(ctx, "ViewRange", &rerr)
	s, err := a.s.streams.get(ctx, stream)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.view(view)
	if err != nil {
		return err
	}
	v.window = span{max(first, 0), min(max(count, 0), MaxRows)}
	v.wantRows(v.window)
	s.signal()
	return nil
}

// ViewClose ends views. A name that ends in a dot is for all that begin so, such as those of a tab.
func (a API) ViewClose(ctx context.Context, stream string, views []string) (rerr error) {
	defer a.s.tell(ctx, "ViewClose", &rerr)
	s, err := a.s.streams.get(ctx, stream)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range views {
		s.closeView(name)
		if strings.HasSuffix(name, ".") {
			s.closeViews(name)
		}
	}
	return nil
}

// ViewStep returns the row before or after the one of an email, for going on to the next message without the list. By is -1 or 1.
// It returns nil at the ends.
func (a API) ViewStep(ctx context.Context, stream, view, email string, by int, unread bool) (_ *Row, rerr error) {
	defer a.s.tell(ctx, "ViewStep", &rerr)
	id, ok := parseEmailID(email)
	if !ok || by != -1 && by != 1 {
		return nil, errUser(codeBad, "This is no step from a message.")
	}
	s, err := a.s.streams.get(ctx, stream)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.view(view)
	if err != nil {
		return nil, err
	}
	return v.step(ctx, s, id, by, unread)
}

// SearchTerms returns how the text of a search is understood, and suggestions for what is typed last.
func (a API) SearchTerms(ctx context.Context, text string) (terms []Term, suggestions []Suggestion, rerr error) {
	defer a.s.tell(ctx, "SearchTerms", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer acc.Close()
	k := queryKnowledge{me: identities(a.s.opts.Config(), session(ctx).Account), now: a.s.now().In(timeZone(ctx))}
	if k.mailboxes, err = mailboxes(ctx, acc, actor); err != nil {
		return nil, nil, err
	}
	st, err := settings(ctx, acc)
	if err != nil {
		return nil, nil, err
	}
	k.labels = st.Labels
	if _, person := personTyped(text); person != "" {
		if k.people, err = a.s.recipients(ctx, acc, person); err != nil {
			return nil, nil, err
		}
	}
	terms = parseQuery(Query{Text: text}, k).terms
	return append([]Term{}, terms...), suggest(text, k), nil
}
