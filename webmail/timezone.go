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
	return context.WithValue(ctx, zoneKey{}, name)
}

// timeZone returns the time zone of the page that makes a call, UTC if it is not known. It is read from a file, so only what needs it asks.
func timeZone(ctx context.Context) *time.Location {
	name, _ := ctx.Value(zoneKey{}).(string)
	if name == "Local" { // That of the server means nothing to a page.
		return time.UTC
	}
	zone, err := time.LoadLocation(name) // UTC for no name.
	if err != nil {
		return time.UTC
	}
	return zone
}
