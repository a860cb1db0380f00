package pipeline

import (
	"context"
	"fmt"
)

// Deliver takes a message to a target, for all recipients or, as far as the target can, for
// none: where one is refused before Commit, the delivery is aborted and the refusal returned.
// Results are those of Commit, one per recipient.
func Deliver(ctx context.Context, t Target, env Envelope, recipients []Recipient, b Body) (results []error, err error) {
	d, err := t.Begin(ctx, env)
	if err != nil {
		return nil, err
	}
	return Hand(ctx, d, recipients, b)
}

// Hand does what Deliver does with a delivery that was begun. It ends the delivery.
func Hand(ctx context.Context, d Delivery, recipients []Recipient, b Body) (results []error, err error) {
	defer d.Abort()
	for _, r := range recipients {
		if err := d.Recipient(ctx, r); err != nil {
			return nil, err
		}
	}
	if err := d.Body(ctx, b); err != nil {
		return nil, err
	}
	results = d.Commit(ctx)
	if len(results) != len(recipients) {
		return nil, fmt.Errorf("target gives %d results for %d recipients", len(results), len(recipients))
	}
	return results, nil
}
