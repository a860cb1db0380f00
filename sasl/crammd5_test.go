package sasl

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

// The exchange of RFC 2195 §2, on both sides.
func TestCRAMMD5Example(t *testing.T) {
	t.Parallel()
	const challenge, digest = "<1896.697170952@postoffice.reston.mci.net>", "b913a602c7eda7a495b4e6e7334d3890"
	c := NewCRAMMD5Client(Credentials{Username: "tim", Password: NewSecret("tanstaaftanstaaf")})
	if initial, err := c.Start(); initial != nil || err != nil {
		t.Errorf("client begins with %q, %v", initial, err)
	}
	if r, err := c.Next(b(challenge)); err != nil || string(r) != "tim "+digest {
		t.Errorf("client answers %q, %v", r, err)
	}
	if _, err := c.Next(b(challenge)); !errors.Is(err, ErrMalformed) {
		t.Errorf("client answers twice: %v", err)
	}
	v, err := NewCRAMMD5Verifier("tanstaaftanstaaf")
	if err != nil {
		t.Fatal(err)
	}
	if v, err = ParseCRAMMD5Verifier(v.Encode()); err != nil {
		t.Fatal(err)
	}
	if d, err := v.digest(b(challenge)); err != nil || string(d) != digest {
		t.Errorf("server computes %q, %v", d, err)
	}
}

// What verifiers look like is kept in databases, and must be read by later versions.
func TestCRAMMD5VerifierText(t *testing.T) {
	t.Parallel()
	const good = "CRAM-MD5$bWQ1ARAZToOk1mRBJC3nLYBA2zoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEA=:" +
		"bWQ1AeCsR39sj6/iAyy33oeMOiQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEA="
	v, err := NewCRAMMD5Verifier("pencil")
	if err != nil {
		t.Fatal(err)
	}
	if v.Encode() != good {
		t.Errorf("verifier is %q", v.Encode())
	}
	if p, err := ParseCRAMMD5Verifier(good); err != nil || p.Encode() != good {
		t.Errorf("parsed %q, %v", p.Encode(), err)
	}
	text, _ := strings.CutPrefix(good, "CRAM-MD5$")
	inner, outer, _ := strings.Cut(text, ":")
	for _, s := range []string{
		"", "CRAM-MD5$", "CRAM-MD5$:", text, good + "=", good + ":", good + ":" + inner, " " + good,
		"cram-md5$" + text, "CRAM-MD5$" + inner, "CRAM-MD5$" + inner + ":", "CRAM-MD5$:" + outer,
		"CRAM-MD5$" + inner + ":" + outer[4:],
		"CRAM-MD5$" + inner + ":" + strings.Repeat("A", len(outer)),
	} {
		if _, err := ParseCRAMMD5Verifier(s); !errors.Is(err, ErrVerifier) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestCRAMMD5Server(t *testing.T) {
	t.Parallel()
	down := errors.New("store is down")
	long := strings.Repeat("x", 65) // Keys above the block size are hashed.
	answer := func(username, password string) func([]byte) []byte {
		return func(challenge []byte) []byte {
			r, err := NewCRAMMD5Client(Credentials{Username: username, Password: NewSecret(password)}).Next(challenge)
			if err != nil {
				t.Error(err)
			}
			return r
		}
	}
	edit := func(f func(string) string) func([]byte) []byte {
		return func(challenge []byte) []byte { return b(f(string(answer("user", "pencil")(challenge)))) }
	}
	for _, tc := range []struct {
		name          string
		response      func(challenge []byte) []byte
		fault, refuse error
		want          error
		lookups       int
		authorized    int
	}{
		{name: "right", response: answer("user", "pencil"), lookups: 1, authorized: 1},
		{name: "name with spaces", response: answer("us er ", "pencil"), lookups: 1, authorized: 1},

		{name: "wrong password", response: answer("user", "pencils"), want: ErrCredentials, lookups: 1},
		{name: "long wrong password", response: answer("user", long), want: ErrCredentials, lookups: 1},
		{name: "unknown user", response: answer("nobody", "pencil"), want: ErrCredentials, lookups: 1},
		{name: "may not log in", response: answer("user", "pencil"), refuse: ErrCredentials, want: ErrCredentials, lookups: 1, authorized: 1},
		{name: "lookup fails", response: answer("user", "pencil"), fault: down, want: down, lookups: 1},
		{name: "authorizing fails", response: answer("user", "pencil"), refuse: down, want: down, lookups: 1, authorized: 1},
		{name: "for another challenge", response: func([]byte) []byte { return answer("user", "pencil")(b("<1@example>")) }, want: ErrCredentials, lookups: 1},
		{name: "upper case", response: edit(func(s string) string { return "user " + strings.ToUpper(s[5:]) }), want: ErrCredentials, lookups: 1},
		{name: "short digest", response: edit(func(s string) string { return s[:len(s)-1] }), want: ErrMalformed},
		{name: "long digest", response: edit(func(s string) string { return s + "0" }), want: ErrMalformed},
		{name: "space at the end", response: edit(func(s string) string { return s + " " }), want: ErrMalformed},
		{name: "no user", response: edit(func(s string) string { return s[4:] }), want: ErrMalformed},
		{name: "no space", response: edit(func(s string) string { return s[5:] }), want: ErrMalformed},
		{name: "NUL", response: edit(func(s string) string { return "\x00" + s }), want: ErrMalformed},
		{name: "not UTF-8", response: edit(func(s string) string { return "\xff" + s }), want: ErrMalformed},
		{name: "long name", response: edit(func(s string) string { return strings.Repeat("x", 1025) + s }), want: ErrMalformed},
		{name: "empty", response: func([]byte) []byte { return []byte{} }, want: ErrMalformed},
		{name: "nothing", response: func([]byte) []byte { return nil }, want: ErrMalformed},
	} {
		u := &users{names: []string{"user", "us er "}, fault: tc.fault, refuse: tc.refuse}
		s := NewCRAMMD5Server(u, "mail.example")
		challenge, done, err := s.Next(t.Context(), nil)
		if done || err != nil {
			t.Fatalf("%s: %v, %v", tc.name, done, err)
		}
		data, done, err := s.Next(t.Context(), tc.response(challenge))
		if !errors.Is(err, tc.want) || done != (tc.want == nil) || data != nil || len(u.lookups) != tc.lookups || len(u.authorized) != tc.authorized {
			t.Errorf("%s: %q, %v, %v; looked up %q, authorized %q", tc.name, data, done, err, u.lookups, u.authorized)
		}
	}
	if _, _, err := NewCRAMMD5Server(&users{}, "mail.example").Next(t.Context(), []byte{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("initial response: %v", err)
	}
}

// Challenges are message ids (RFC 2195 §2) that are never the same.
func TestCRAMMD5Challenges(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^<[0-9A-Z]{20,}\.[0-9]+@mail\.example>$`)
	seen := map[string]bool{}
	for range 10 {
		c, _, err := NewCRAMMD5Server(&users{}, "mail.example").Next(t.Context(), nil)
		if err != nil || !form.Match(c) || seen[string(c)] {
			t.Errorf("challenge %q, %v", c, err)
		}
		seen[string(c)] = true
	}
}

// Nobody logs in as a user without verifier, whatever is known of how fakes are made.
func TestCRAMMD5Fakes(t *testing.T) {
	t.Parallel()
	u, err1 := FakeCRAMMD5Verifier([]byte("secret"), "nobody")
	again, err2 := FakeCRAMMD5Verifier([]byte("secret"), "nobody")
	other, err3 := FakeCRAMMD5Verifier([]byte("secret"), "somebody")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if u.Encode() != again.Encode() || u.Encode() == other.Encode() {
		t.Error("fakes do not depend on the user name alone")
	}
	for _, password := range []string{"", "nobody", "secret"} {
		if v, err := NewCRAMMD5Verifier(password); err != nil || v.Encode() == u.Encode() {
			t.Errorf("%q is the password of a fake", password)
		}
	}
}

func TestCRAMMD5ClientRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		c         Credentials
		challenge []byte
	}{
		"empty challenge":  {Credentials{Username: "user", Password: NewSecret("x")}, []byte{}},
		"huge challenge":   {Credentials{Username: "user", Password: NewSecret("x")}, make([]byte, 1025)},
		"no user":          {Credentials{Password: NewSecret("x")}, b("<1@example>")},
		"another identity": {Credentials{Username: "user", AuthzID: "alice", Password: NewSecret("x")}, nil},
	} {
		c := NewCRAMMD5Client(tc.c)
		_, err := c.Start()
		if err == nil {
			_, err = c.Next(tc.challenge)
		}
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCRAMMD5Server(f *testing.F) {
	f.Add([]byte("tim b913a602c7eda7a495b4e6e7334d3890"))
	f.Add([]byte("us er  b913a602c7eda7a495b4e6e7334d389"))
	f.Fuzz(func(t *testing.T, response []byte) {
		u := &users{names: []string{"user"}}
		s := NewCRAMMD5Server(u, "mail.example")
		s.Next(t.Context(), nil)
		if _, done, err := s.Next(t.Context(), response); done || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrCredentials) {
			t.Fatalf("%q: %v, %v", response, done, err)
		}
	})
}
