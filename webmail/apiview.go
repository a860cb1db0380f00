package webmail

import "context"

// ViewOpen opens a view. What it shows comes over the stream.
func (a API) ViewOpen(ctx context.Context, request ViewRequest) error { return errMissing }

// ViewRange asks for rows of a view, which come over the stream.
func (a API) ViewRange(ctx context.Context, stream, view string, first, count int) error {
	return errMissing
}

// ViewClose ends views.
func (a API) ViewClose(ctx context.Context, stream string, views []string) error { return errMissing }

// ViewStep returns the row before or after the one of an email, for going on to the next message without the list. By is -1 or 1.
// It returns nil at the ends.
func (a API) ViewStep(ctx context.Context, stream, view, email string, by int, unread bool) (*Row, error) {
	return nil, errMissing
}

// SearchTerms returns how the text of a search is understood, and suggestions for what is typed last.
func (a API) SearchTerms(ctx context.Context, text string) (terms []Term, suggestions []Suggestion, rerr error) {
	return nil, nil, errMissing
}
