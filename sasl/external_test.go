package sasl

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// certificate is of a client that may act as bob and alice.
type certificate struct {
	err   error
	calls int
}

func (c *certificate) VerifyExternal(_ context.Context, authzID string) error {
	c.calls++
	if c.err != nil {
		return c.err
	}
	if authzID != "" && authzID != "bob" && authzID != "alice" {
		return ErrCredentials
	}
	return nil
}

func TestExternalServer(t *testing.T) {
	t.Parallel()
	down := errors.New("store is down")
	for _, tc := range []struct {
		name      string
		responses [][]byte
		verify    error
		want      error
		prompts   int
		calls     int
	}{
		{name: "who the client is", responses: [][]byte{{}}, calls: 1},
		{name: "prompted", responses: [][]byte{nil, {}}, prompts: 1, calls: 1}, // RFC 4422 appendix A.2, first example.
		{name: "an identity", responses: [][]byte{b("alice")}, calls: 1},

		{name: "another identity", responses: [][]byte{b("fred@example.com")}, want: ErrCredentials, calls: 1}, // The second.
		{name: "another identity, prompted", responses: [][]byte{nil, b("carol")}, want: ErrCredentials, prompts: 1, calls: 1},
		{name: "no certificate", responses: [][]byte{{}}, verify: ErrCredentials, want: ErrCredentials, calls: 1},
		{name: "temporary error", responses: [][]byte{{}}, verify: down, want: down, calls: 1},
		{name: "nothing after prompt", responses: [][]byte{nil, nil}, want: ErrMalformed, prompts: 1},
		{name: "NUL", responses: [][]byte{b("bob\x00")}, want: ErrMalformed},
		{name: "not UTF-8", responses: [][]byte{b("b\xffb")}, want: ErrMalformed},
		{name: "long", responses: [][]byte{b(strings.Repeat("x", 1025))}, want: ErrMalformed},
	} {
		v := &certificate{err: tc.verify}
		challenges, err := exchange(NewExternalServer(v), tc.responses...)
		if !errors.Is(err, tc.want) || v.calls != tc.calls || len(challenges) != tc.prompts || tc.prompts > 0 && challenges[0] != "" {
			t.Errorf("%s: %v, challenges %q, %d calls", tc.name, err, challenges, v.calls)
		}
	}
}

func TestExternalClient(t *testing.T) {
	t.Parallel()
	if r, err := NewExternalClient("").Start(); err != nil || r == nil || len(r) != 0 {
		t.Errorf("without identity: %q, %v", r, err)
	}
	for _, authzID := range []string{"bob\x00", "\xff", strings.Repeat("x", 1025)} {
		if r, err := NewExternalClient(authzID).Start(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.20q: %q, %v", authzID, r, err)
		}
	}
	for _, carriesInitial := range []bool{true, false} {
		for authzID, want := range map[string]error{"": nil, "alice": nil, "carol": ErrCredentials} {
			if err := dialogue(NewExternalServer(&certificate{}), NewExternalClient(authzID), carriesInitial); !errors.Is(err, want) {
				t.Errorf("as %q: %v, want %v", authzID, err, want)
			}
		}
	}
}
