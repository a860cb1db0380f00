package webmail

import (
	"context"
	"time"
)

// zoneField is the header field of calls with the name of the time zone that the page shows, such as Europe/Amsterdam. Days in the text of
// searches are days there.
const zoneField = "X-Mox-Zone"

type zoneKey struct{}

// withTimeZone returns the context of a call from a page that shows a time zone.
func withTimeZone(ctx context.Context, name string) context.Context {
	if name == "" || name == "Local" { // That of the server means nothing to a page.
		return ctx
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, zoneKey{}, zone)
}

// timeZone returns the time zone of the page that makes a call, UTC if it is not known.
func timeZone(ctx context.Context) *time.Location {
	if zone, ok := ctx.Value(zoneKey{}).(*time.Location); ok {
		return zone
	}
	return time.UTC
}
