package sasl

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// exporter and unique are bindings of a connection that is not there.
var (
	exporter = ChannelBinding{TLSExporter, []byte("exported, with a comma")}
	unique   = ChannelBinding{TLSUnique, []byte{0, 1, 2, 255}}
)

// prove returns the client-final-message for what was said before it.
func prove(password, bare, serverFirst, withoutProof string) string {
	m, err := parseServerFirst(b(serverFirst))
	if err != nil {
		return ""
	}
	keys, err := deriveSCRAM(crypto.SHA256, password, m.salt, m.iterations)
	if err != nil {
		return ""
	}
	proof := hmacSum(crypto.SHA256, keys.stored, bare+","+serverFirst+","+withoutProof)
	for i := range proof {
		proof[i] ^= keys.client[i]
	}
	return withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof)
}

// scramDialogue is an exchange with a server of SCRAM-SHA-256 that the test tampers with.
type scramDialogue struct {
	header  string // Default "n,,".
	bare    string // Default "n=user,r=nonce".
	binding string // What c= tells; default the header.
	nonce   string // Of the final message; default the right one.
	extra   string // Further attributes of the final message, before the proof.
	final   func(final string) string
}

// run returns what the server's last step returned.
func (d scramDialogue) run(s Server, password string) (last []byte, done bool, err error) {
	orDefault := func(s, def string) string {
		if s == "" {
			return def
		}
		return s
	}
	header, bare := orDefault(d.header, "n,,"), orDefault(d.bare, "n=user,r=nonce")
	first, done, err := s.Next(context.Background(), b(header+bare))
	if err != nil || done {
		return first, done, err
	}
	withoutProof := "c=" + base64.StdEncoding.EncodeToString(b(orDefault(d.binding, header))) +
		",r=" + orDefault(d.nonce, "nonceserver") + d.extra
	final := prove(password, bare, string(first), withoutProof)
	if d.final != nil {
		final = d.final(final)
	}
	return s.Next(context.Background(), b(final))
}

func TestSCRAMServerRefusesFirstMessages(t *testing.T) {
	t.Parallel()
	for first, value := range map[string]string{
		"n,,":                       "invalid-encoding",
		"n":                         "invalid-encoding",
		"n,":                        "invalid-encoding",
		"n=user,r=nonce":            "invalid-encoding",
		"x,,n=user,r=nonce":         "invalid-encoding",
		"N,,n=user,r=nonce":         "invalid-encoding",
		",,n=user,r=nonce":          "invalid-encoding",
		"nn,,n=user,r=nonce":        "invalid-encoding",
		"p,,n=user,r=nonce":         "invalid-encoding",
		"p=,,n=user,r=nonce":        "invalid-encoding",
		"p=tls_x,,n=user,r=nonce":   "invalid-encoding",
		"n,alice,n=user,r=nonce":    "invalid-encoding",
		"n,a=,n=user,r=nonce":       "invalid-encoding",
		"n,a=x=2c,n=user,r=nonce":   "invalid-encoding",
		"n,,n=user":                 "invalid-encoding",
		"n,,n=,r=nonce":             "invalid-encoding",
		"n,,r=nonce,n=user":         "invalid-encoding",
		"n,,n=user,r=":              "invalid-encoding",
		"n,,n=user,r=nonce,":        "invalid-encoding",
		"n,,n=user,r=nonce,x":       "invalid-encoding",
		"n,,n=user,r=nonce,xx=1":    "invalid-encoding",
		"n,,n=user,r=nonce,1=1":     "invalid-encoding",
		"n,,n=user,r=nonce,r=nonce": "invalid-encoding",
		"n,,n=user,r=non ce":        "invalid-encoding",
		"n,,n=user,r=noncé":         "invalid-encoding",
		"n,,n=user,r=nonce,x=\x00":  "invalid-encoding",
		"n,,n=us\xffer,r=nonce":     "invalid-encoding",
		"n,,n=us=er,r=nonce":        "invalid-username-encoding",
		"n,,n=us=2cer,r=nonce":      "invalid-username-encoding",
		"n,,n=user=,r=nonce":        "invalid-username-encoding",
		"n,,n=user=2,r=nonce":       "invalid-username-encoding",
		"n,,n=" + strings.Repeat("x", 1025) + ",r=nonce":              "invalid-username-encoding",
		"n,,n=user,r=" + strings.Repeat("x", 513):                     "invalid-encoding",
		"n,,n=user,r=nonce,x=" + strings.Repeat("x", maxSCRAMMessage): "invalid-encoding",
		"n,,m=1,n=user,r=nonce":                                       "extensions-not-supported",
		"n,,n=user,r=nonce,x=1,m=1":                                   "extensions-not-supported",
	} {
		s := newSCRAMServer(t, SCRAMSHA256, &users{names: []string{"user"}}, nil, "server")
		if _, _, err := s.Next(t.Context(), b(first)); !errors.Is(err, ErrMalformed) || scramValue(err) != value {
			t.Errorf("first message %.40q: %v, want %q", first, err, value)
		}
	}
}

func TestSCRAMServer(t *testing.T) {
	t.Parallel()
	down := errors.New("store is down")
	disabled := fmt.Errorf("account is disabled: %w", ErrCredentials)
	replace := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	tests := []struct {
		name      string
		plus      bool
		bindings  []ChannelBinding
		dialogue  scramDialogue
		password  string // Default the right one.
		fault     error
		refuse    error
		want      error
		value     string // Of the SCRAMError.
		lookup    string // Default "user", "-" for none.
		authorize string
	}{
		{name: "plain", authorize: "user as "},
		{name: "bound", plus: true, bindings: []ChannelBinding{exporter},
			dialogue: scramDialogue{header: "p=tls-exporter,,", binding: "p=tls-exporter,," + string(exporter.Data)}, authorize: "user as "},
		{name: "bound, the second type", plus: true, bindings: []ChannelBinding{exporter, unique},
			dialogue: scramDialogue{header: "p=tls-unique,,", binding: "p=tls-unique,," + string(unique.Data)}, authorize: "user as "},
		{name: "client cannot bind", bindings: []ChannelBinding{exporter}, authorize: "user as "},
		{name: "client could bind, the server not", dialogue: scramDialogue{header: "y,,"}, authorize: "user as "},
		{name: "act as another", dialogue: scramDialogue{header: "n,a=alice,"}, authorize: "user as alice"},
		{name: "escaped names", dialogue: scramDialogue{header: "n,a=a=3Db=2C,", bare: "n=us=2Cer=3D,r=nonce"},
			want: ErrCredentials, lookup: "us,er=", authorize: "us,er= as a=b,"},
		{name: "extensions", dialogue: scramDialogue{bare: "n=user,r=nonce,x=1,y=,z==", extra: ",q=é"}, want: ErrMalformed, value: "invalid-encoding", lookup: "-"},
		{name: "extensions with values", dialogue: scramDialogue{bare: "n=user,r=nonce,x=1,Z==", extra: ",q=é"}, authorize: "user as "},
		{name: "non-ASCII", dialogue: scramDialogue{bare: "n=usér,r=nonce"}, lookup: "usér", authorize: "usér as "},

		{name: "wrong password", password: "pencils", want: ErrCredentials, value: "invalid-proof"},
		{name: "unknown user", dialogue: scramDialogue{bare: "n=nobody,r=nonce"}, want: ErrCredentials, value: "invalid-proof", lookup: "nobody"},
		{name: "may not act as another", dialogue: scramDialogue{header: "n,a=carol,"}, want: ErrCredentials, authorize: "user as carol"},
		{name: "disabled", refuse: disabled, want: disabled, authorize: "user as "},
		{name: "lookup fails", fault: down, want: down},
		{name: "authorizing fails", refuse: down, want: down, authorize: "user as "},

		{name: "offer was hidden", bindings: []ChannelBinding{exporter}, dialogue: scramDialogue{header: "y,,"},
			want: ErrCredentials, value: "server-does-support-channel-binding", lookup: "-"},
		{name: "offer was hidden and used", plus: true, bindings: []ChannelBinding{exporter}, dialogue: scramDialogue{header: "y,,"},
			want: ErrCredentials, value: "server-does-support-channel-binding", lookup: "-"},
		{name: "not bound though chosen", plus: true, bindings: []ChannelBinding{exporter},
			want: ErrCredentials, value: "other-error", lookup: "-"},
		{name: "bound though not chosen", bindings: []ChannelBinding{exporter},
			dialogue: scramDialogue{header: "p=tls-exporter,,", binding: "p=tls-exporter,," + string(exporter.Data)},
			want:     ErrCredentials, value: "channel-binding-not-supported", lookup: "-"},
		{name: "type not available", plus: true, bindings: []ChannelBinding{exporter},
			dialogue: scramDialogue{header: "p=tls-unique,,", binding: "p=tls-unique,," + string(unique.Data)},
			want:     ErrCredentials, value: "unsupported-channel-binding-type", lookup: "-"},
		{name: "another connection", plus: true, bindings: []ChannelBinding{exporter},
			dialogue: scramDialogue{header: "p=tls-exporter,,", binding: "p=tls-exporter,,other"},
			want:     ErrCredentials, value: "channel-bindings-dont-match"},
		{name: "no binding data", plus: true, bindings: []ChannelBinding{exporter}, dialogue: scramDialogue{header: "p=tls-exporter,,"},
			want: ErrCredentials, value: "channel-bindings-dont-match"},
		{name: "another header", dialogue: scramDialogue{binding: "y,,"}, want: ErrCredentials, value: "channel-bindings-dont-match"},
		{name: "another identity in the header", dialogue: scramDialogue{header: "n,a=alice,", binding: "n,,"},
			want: ErrCredentials, value: "channel-bindings-dont-match"},
		{name: "data without binding", dialogue: scramDialogue{binding: "n,,data"}, want: ErrCredentials, value: "channel-bindings-dont-match"},

		{name: "another nonce", dialogue: scramDialogue{nonce: "nonceserveR"}, want: ErrCredentials, value: "other-error"},
		{name: "client's nonce only", dialogue: scramDialogue{nonce: "nonce"}, want: ErrCredentials, value: "other-error"},
		{name: "longer nonce", dialogue: scramDialogue{nonce: "nonceserver1"}, want: ErrCredentials, value: "other-error"},
		{name: "proof changed", dialogue: scramDialogue{final: func(s string) string { return s[:len(s)-4] + "AAA=" }}, want: ErrCredentials, value: "invalid-proof"},
		{name: "short proof", dialogue: scramDialogue{final: func(s string) string { return s[:strings.LastIndex(s, "p=")] + "p=AAAA" }},
			want: ErrMalformed, value: "invalid-encoding"},
		{name: "no proof", dialogue: scramDialogue{final: func(s string) string { return s[:strings.LastIndex(s, ",p=")] }},
			want: ErrMalformed, value: "invalid-encoding"},
		{name: "empty proof", dialogue: scramDialogue{final: func(s string) string { return s[:strings.LastIndex(s, ",p=")] + ",p=" }},
			want: ErrMalformed, value: "invalid-encoding"},
		{name: "something after the proof", dialogue: scramDialogue{final: func(s string) string { return s + ",x=1" }},
			want: ErrMalformed, value: "invalid-encoding"},
		{name: "two proofs", dialogue: scramDialogue{final: func(s string) string { return s + s[strings.LastIndex(s, ",p="):] }},
			want: ErrMalformed, value: "invalid-encoding"},
		{name: "proof not in base64", dialogue: scramDialogue{final: replace(",p=", ",p=*")}, want: ErrMalformed, value: "invalid-encoding"},
		{name: "line end in base64", dialogue: scramDialogue{final: replace(",p=", ",p=\n")}, want: ErrMalformed, value: "invalid-encoding"},
		{name: "binding not in base64", dialogue: scramDialogue{final: replace("c=", "c=*")}, want: ErrMalformed, value: "invalid-encoding"},
		{name: "other order", dialogue: scramDialogue{final: replace("c=biws,r=nonceserver", "r=nonceserver,c=biws")}, want: ErrMalformed, value: "invalid-encoding"},
		{name: "mandatory extension at the end", dialogue: scramDialogue{extra: ",m=1"}, want: ErrMalformed, value: "extensions-not-supported"},
		{name: "final message empty", dialogue: scramDialogue{final: func(string) string { return "" }}, want: ErrMalformed, value: "invalid-encoding"},
		{name: "final message with NUL", dialogue: scramDialogue{extra: ",x=\x00"}, want: ErrMalformed, value: "invalid-encoding"},
		{name: "final message not UTF-8", dialogue: scramDialogue{extra: ",x=\xff"}, want: ErrMalformed, value: "invalid-encoding"},
	}
	for _, tc := range tests {
		mechanism, password, lookup := SCRAMSHA256, "pencil", []string{"user"}
		if tc.plus {
			mechanism = SCRAMSHA256Plus
		}
		if tc.password != "" {
			password = tc.password
		}
		if tc.lookup == "-" {
			lookup = nil
		} else if tc.lookup != "" {
			lookup = []string{tc.lookup}
		}
		var authorized []string
		if tc.authorize != "" {
			authorized = []string{tc.authorize}
		}
		u := &users{names: []string{"user", "usér", "us,er="}, fault: tc.fault, refuse: tc.refuse}
		s := newSCRAMServer(t, mechanism, u, tc.bindings, "server")
		last, done, err := tc.dialogue.run(s, password)
		if !errors.Is(err, tc.want) || scramValue(err) != tc.value {
			t.Errorf("%s: %v, want %v, value %q", tc.name, err, tc.want, tc.value)
		}
		if done != (tc.want == nil) || done != strings.HasPrefix(string(last), "v=") {
			t.Errorf("%s: done is %v, data %q", tc.name, done, last)
		}
		if fmt.Sprint(u.lookups) != fmt.Sprint(lookup) || fmt.Sprint(u.authorized) != fmt.Sprint(authorized) {
			t.Errorf("%s: looked up %q, authorized %q", tc.name, u.lookups, u.authorized)
		}
		if _, done, err := s.Next(t.Context(), b("n,,n=user,r=nonce")); done || err == nil {
			t.Errorf("%s: goes on after its end", tc.name)
		}
	}
}

// scramValue returns the value of a SCRAMError, empty for other errors.
func scramValue(err error) string {
	if e, ok := errors.AsType[*SCRAMError](err); ok {
		return e.Value
	}
	return ""
}

func TestSCRAMServerPrompts(t *testing.T) {
	t.Parallel()
	s := newSCRAMServer(t, SCRAMSHA256, &users{}, nil, "server")
	if c, done, err := s.Next(t.Context(), nil); c == nil || len(c) != 0 || done || err != nil {
		t.Errorf("without initial response: %q, %v, %v", c, done, err)
	}
	if c, done, err := s.Next(t.Context(), b("n,,n=user,r=nonce")); !strings.HasPrefix(string(c), "r=nonceserver,s=") || done || err != nil {
		t.Errorf("after the prompt: %q, %v, %v", c, done, err)
	}
	for _, twice := range [][]byte{nil, {}} {
		s = newSCRAMServer(t, SCRAMSHA256, &users{}, nil, "server")
		s.Next(t.Context(), nil)
		if _, _, err := s.Next(t.Context(), twice); !errors.Is(err, ErrMalformed) {
			t.Errorf("nothing after the prompt: %v", err)
		}
	}
}

// A user who is not known cannot be told from one who is: everything the server says has the
// same form, and is the same when asked again.
func TestSCRAMUnknownUsersLookTheSame(t *testing.T) {
	t.Parallel()
	u := &users{names: []string{"user"}, secret: "of this server"}
	first := func(u *users, h, username string) string {
		t.Helper()
		c, _, err := newSCRAMServer(t, h, u, nil, "server").Next(t.Context(), b("n,,n="+username+",r=nonce"))
		if err != nil {
			t.Fatal(err)
		}
		return string(c)
	}
	known, nobody := first(u, SCRAMSHA256, "user"), first(u, SCRAMSHA256, "nobody")
	if nobody == known || len(nobody) != len(known) {
		t.Errorf("known user %q, unknown %q", known, nobody)
	}
	if again := first(u, SCRAMSHA256, "nobody"); again != nobody {
		t.Errorf("asked twice: %q, %q", nobody, again)
	}
	for what, other := range map[string]string{
		"another user":   first(u, SCRAMSHA256, "nobody1"),
		"another hash":   first(u, SCRAMSHA1, "nobody"),
		"another secret": first(&users{secret: "of another server"}, SCRAMSHA256, "nobody"),
	} {
		if other == nobody {
			t.Errorf("%s has the same salt", what)
		}
	}
	// Whoever knows how fakes are made cannot log in with them.
	for _, password := range []string{"", "pencil", "nobody"} {
		if _, done, err := (scramDialogue{bare: "n=nobody,r=nonce"}).run(newSCRAMServer(t, SCRAMSHA256, u, nil, "server"), password); done || scramValue(err) != "invalid-proof" {
			t.Errorf("unknown user with %q: %v, %v", password, done, err)
		}
	}
}

// oneUser is a user with a verifier.
type oneUser struct {
	name     string
	verifier SCRAMVerifier
}

func (u oneUser) SCRAM(_ context.Context, username string, _ crypto.Hash) (SCRAMVerifier, error) {
	if username != u.name {
		return SCRAMVerifier{}, fmt.Errorf("asked for %q, not %q", username, u.name)
	}
	return u.verifier, nil
}

func (oneUser) Authorize(context.Context, string, string) error { return nil }

// A server does not go on with a verifier that is of no use.
func TestSCRAMServerRefusesBadVerifiers(t *testing.T) {
	t.Parallel()
	sha1, err := NewSCRAMVerifier(crypto.SHA1, "x", []byte("salt"), 4096)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []SCRAMVerifier{{}, sha1} {
		s := newSCRAMServer(t, SCRAMSHA256, oneUser{"user", v}, nil, "server")
		if c, done, err := s.Next(t.Context(), b("n,,n=user,r=nonce")); c != nil || done || !errors.Is(err, ErrVerifier) {
			t.Errorf("%q, %v, %v", c, done, err)
		}
	}
}

func TestSCRAMErrorMessage(t *testing.T) {
	t.Parallel()
	_, _, err := scramDialogue{}.run(newSCRAMServer(t, SCRAMSHA256, &users{}, nil, "server"), "x")
	e, ok := errors.AsType[*SCRAMError](err)
	if !ok || string(e.Message()) != "e=invalid-proof" {
		t.Fatalf("%v", err)
	}
	c := newSCRAMClient(t, SCRAMSHA256, Credentials{Username: "user", Password: NewSecret("x")}, nil, "nonce")
	c.Start()
	c.Next(b("r=nonceserver,s=QSXCR+Q6sek8bf92,i=4096"))
	if _, err := c.Next(e.Message()); scramValue(err) != e.Value || !errors.Is(err, ErrCredentials) {
		t.Errorf("client understands %v", err)
	}
}

func FuzzSCRAMServer(f *testing.F) {
	f.Add(false, []byte("n,,n=user,r=nonce"), []byte("c=biws,r=nonceserver,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="))
	f.Add(true, []byte("p=tls-exporter,a=al=2Cice,n=user,r=nonce,x=1"), []byte("c=biws,r=nonceserver,x=1,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
	f.Add(false, []byte("y,,m=1,n=user,r=nonce"), []byte("c=,r=,p="))
	f.Add(true, []byte("n,a=,n=u=ser"), []byte("p=,,"))
	f.Fuzz(func(t *testing.T, plus bool, r1, r2 []byte) {
		mechanism := SCRAMSHA256
		if plus {
			mechanism = SCRAMSHA256Plus
		}
		u := &users{names: []string{"user"}}
		s := newSCRAMServer(t, mechanism, u, []ChannelBinding{exporter}, "server")
		c, done, err := s.Next(t.Context(), r1)
		if err == nil && (done || len(u.lookups) != 1 || !bytes.HasPrefix(c, b("r="))) {
			t.Fatalf("%q answered by %q", r1, c)
		}
		if err == nil {
			_, done, err = s.Next(t.Context(), r2)
		}
		if done || err == nil || len(u.authorized) > 0 {
			t.Fatalf("authenticated by %q %q", r1, r2)
		}
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrCredentials) {
			t.Fatal(err)
		}
	})
}

func BenchmarkSCRAMServer(b *testing.B) {
	v, err := NewSCRAMVerifier(crypto.SHA256, "pencil", []byte("saltysaltysalty!"), 4096)
	if err != nil {
		b.Fatal(err)
	}
	d := scramDialogue{}
	final := ""
	d.final = func(s string) string { final = s; return s }
	d.run(newSCRAMServer(b, SCRAMSHA256, oneUser{"user", v}, nil, "server"), "pencil")
	for b.Loop() {
		s := newSCRAMServer(b, SCRAMSHA256, oneUser{"user", v}, nil, "server")
		s.Next(b.Context(), []byte("n,,n=user,r=nonce"))
		if _, done, err := s.Next(b.Context(), []byte(final)); !done {
			b.Fatal(err)
		}
	}
}
