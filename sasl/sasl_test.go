package sasl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// verifier knows bob with password "sécret", who may act as alice.
type verifier struct {
	calls int
	got   Credentials
	err   error
}

func (v *verifier) VerifyPassword(_ context.Context, c Credentials) error {
	v.calls++
	v.got = c
	if v.err != nil {
		return v.err
	}
	if c.Username != "bob" || c.Password.Reveal() != "sécret" || c.AuthzID != "" && c.AuthzID != "bob" && c.AuthzID != "alice" {
		return ErrCredentials
	}
	return nil
}

// exchange gives the server responses, and returns its challenges, and an error if it has
// not ended after the last.
func exchange(s Server, responses ...[]byte) (challenges []string, err error) {
	for i, r := range responses {
		c, done, err := s.Next(context.Background(), r)
		switch {
		case err != nil:
			return challenges, err
		case done && i == len(responses)-1:
			return challenges, nil
		case done || c == nil:
			return challenges, fmt.Errorf("done is %v at response %d", done, i)
		}
		challenges = append(challenges, string(c))
	}
	return challenges, errors.New("not done")
}

func b(s string) []byte { return []byte(s) }

func TestPlainServer(t *testing.T) {
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
		{name: "initial response", responses: [][]byte{b("\x00bob\x00sécret")}, calls: 1},
		{name: "prompted", responses: [][]byte{nil, b("\x00bob\x00sécret")}, prompts: 1, calls: 1},
		{name: "act as another", responses: [][]byte{b("alice\x00bob\x00sécret")}, calls: 1},

		{name: "act as a third", responses: [][]byte{b("carol\x00bob\x00sécret")}, want: ErrCredentials, calls: 1},
		{name: "wrong password", responses: [][]byte{b("\x00bob\x00secret")}, want: ErrCredentials, calls: 1},
		{name: "temporary error", responses: [][]byte{b("\x00bob\x00sécret")}, verify: down, want: down, calls: 1},
		{name: "empty", responses: [][]byte{b("")}, want: ErrMalformed},
		{name: "nothing after prompt", responses: [][]byte{nil, nil}, want: ErrMalformed, prompts: 1},
		{name: "no password", responses: [][]byte{b("\x00bob\x00")}, want: ErrMalformed},
		{name: "no user", responses: [][]byte{b("\x00\x00sécret")}, want: ErrMalformed},
		{name: "two parts", responses: [][]byte{b("bob\x00sécret")}, want: ErrMalformed},
		{name: "four parts", responses: [][]byte{b("\x00bob\x00sécret\x00")}, want: ErrMalformed},
		{name: "not UTF-8", responses: [][]byte{b("\x00bob\x00s\xe9cret")}, want: ErrMalformed},
		{name: "too long", responses: [][]byte{b("\x00bob\x00" + strings.Repeat("x", 1025))}, want: ErrMalformed},
	} {
		v := &verifier{err: tc.verify}
		challenges, err := exchange(NewPlainServer(v), tc.responses...)
		if !errors.Is(err, tc.want) || v.calls != tc.calls || len(challenges) != tc.prompts || tc.prompts > 0 && challenges[0] != "" {
			t.Errorf("%s: %v, challenges %q, %d calls", tc.name, err, challenges, v.calls)
		}
	}
	// At least 255 characters, of up to 4 bytes (RFC 4616 §2).
	v := &verifier{}
	long := strings.Repeat("😀", 255)
	if _, err := exchange(NewPlainServer(v), b(long+"\x00"+long+"1\x00"+long)); !errors.Is(err, ErrCredentials) || v.got.AuthzID != long || v.got.Username != long+"1" || v.got.Password.Reveal() != long {
		t.Errorf("long strings: %v", err)
	}
}

func TestLoginServer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		responses [][]byte
		want      error
		prompts   []string
		calls     int
	}{
		{name: "prompted", responses: [][]byte{nil, b("bob"), b("sécret")}, prompts: []string{"Username:", "Password:"}, calls: 1},
		{name: "initial response", responses: [][]byte{b("bob"), b("sécret")}, prompts: []string{"Password:"}, calls: 1},
		{name: "wrong password", responses: [][]byte{b("bob"), b("x")}, want: ErrCredentials, prompts: []string{"Password:"}, calls: 1},
		{name: "empty user", responses: [][]byte{b("")}, want: ErrMalformed},
		{name: "no user", responses: [][]byte{nil, nil}, want: ErrMalformed, prompts: []string{"Username:"}},
		{name: "empty password", responses: [][]byte{b("bob"), b("")}, want: ErrMalformed, prompts: []string{"Password:"}},
		{name: "NUL", responses: [][]byte{b("bob\x00")}, want: ErrMalformed},
		{name: "not UTF-8", responses: [][]byte{b("bob"), b("s\xe9cret")}, want: ErrMalformed, prompts: []string{"Password:"}},
	} {
		v := &verifier{}
		challenges, err := exchange(NewLoginServer(v), tc.responses...)
		if !errors.Is(err, tc.want) || v.calls != tc.calls || fmt.Sprint(challenges) != fmt.Sprint(tc.prompts) {
			t.Errorf("%s: %v, challenges %q, %d calls", tc.name, err, challenges, v.calls)
		}
	}
}

// Our clients and servers understand each other, whether or not the protocol can carry an
// initial response.
func TestClients(t *testing.T) {
	t.Parallel()
	for _, carriesInitial := range []bool{true, false} {
		for _, tc := range []struct {
			server func(PasswordVerifier) Server
			client func(Credentials) Client
			creds  Credentials
			want   error
		}{
			{NewPlainServer, NewPlainClient, Credentials{Username: "bob", Password: NewSecret("sécret")}, nil},
			{NewPlainServer, NewPlainClient, Credentials{Username: "bob", AuthzID: "alice", Password: NewSecret("sécret")}, nil},
			{NewPlainServer, NewPlainClient, Credentials{Username: "bob", Password: NewSecret("x")}, ErrCredentials},
			{NewPlainServer, NewPlainClient, Credentials{Username: "alice\x00bob", Password: NewSecret("sécret")}, ErrMalformed},
			{NewPlainServer, NewPlainClient, Credentials{Username: "bob"}, ErrMalformed},
			{NewLoginServer, NewLoginClient, Credentials{Username: "bob", Password: NewSecret("sécret")}, nil},
			{NewLoginServer, NewLoginClient, Credentials{Username: "bob", Password: NewSecret("x")}, ErrCredentials},
			{NewLoginServer, NewLoginClient, Credentials{Username: "bob", AuthzID: "alice", Password: NewSecret("sécret")}, ErrMalformed},
			{cramServer, NewCRAMMD5Client, Credentials{Username: "user", Password: NewSecret("pencil")}, nil},
			{cramServer, NewCRAMMD5Client, Credentials{Username: "user", Password: NewSecret("x")}, ErrCredentials},
			{scramServerOf(SCRAMSHA1), scramClientOf(SCRAMSHA1), Credentials{Username: "user", Password: NewSecret("pencil")}, nil},
			{scramServerOf(SCRAMSHA1), scramClientOf(SCRAMSHA1), Credentials{Username: "user", Password: NewSecret("x")}, ErrCredentials},
			{scramServerOf(SCRAMSHA256), scramClientOf(SCRAMSHA256), Credentials{Username: "user", Password: NewSecret("pencil")}, nil},
			{scramServerOf(SCRAMSHA256), scramClientOf(SCRAMSHA256), Credentials{Username: "user", AuthzID: "alice", Password: NewSecret("pencil")}, nil},
			{scramServerOf(SCRAMSHA256), scramClientOf(SCRAMSHA256), Credentials{Username: "user", AuthzID: "carol", Password: NewSecret("pencil")}, ErrCredentials},
			{scramServerOf(SCRAMSHA256), scramClientOf(SCRAMSHA256), Credentials{Username: "nobody", Password: NewSecret("pencil")}, ErrCredentials},
			{scramServerOf(SCRAMSHA256), scramClientOf(SCRAMSHA1), Credentials{Username: "user", Password: NewSecret("pencil")}, ErrMalformed},
		} {
			s, c := tc.server(&verifier{}), tc.client(tc.creds)
			if err := dialogue(s, c, carriesInitial); !errors.Is(err, tc.want) {
				t.Errorf("%s as %q: %v, want %v", c.Mechanism(), tc.creds.Username, err, tc.want)
			}
			if tc.want == nil && s.Mechanism() != c.Mechanism() {
				t.Errorf("mechanisms %s and %s", s.Mechanism(), c.Mechanism())
			}
		}
	}
}

func cramServer(PasswordVerifier) Server {
	return NewCRAMMD5Server(&users{names: []string{"user"}}, "mail.example")
}

func scramServerOf(mechanism string) func(PasswordVerifier) Server {
	return func(PasswordVerifier) Server {
		s, err := NewSCRAMServer(mechanism, &users{names: []string{"user"}}, nil)
		if err != nil {
			panic(err)
		}
		return s
	}
}

func scramClientOf(mechanism string) func(Credentials) Client {
	return func(c Credentials) Client {
		s, err := NewSCRAMClient(mechanism, c, nil)
		if err != nil {
			panic(err)
		}
		return s
	}
}

// dialogue connects both sides as a protocol does.
func dialogue(s Server, c Client, carriesInitial bool) error {
	resp, err := c.Start()
	if err != nil {
		return err
	}
	kept := resp
	if !carriesInitial {
		resp = nil
	}
	for {
		challenge, done, err := s.Next(context.Background(), resp)
		if err != nil {
			return err
		}
		if done && challenge != nil {
			if resp, err = c.Next(challenge); err == nil && len(resp) > 0 {
				err = fmt.Errorf("answered the end by %q", resp)
			}
		}
		if done {
			return errors.Join(err, c.Finish())
		}
		if kept != nil && !carriesInitial {
			resp, kept = kept, nil
			continue
		}
		if resp, err = c.Next(challenge); err != nil {
			return err
		}
	}
}

func TestClientsRefuseFurtherChallenges(t *testing.T) {
	t.Parallel()
	creds := Credentials{Username: "bob", Password: NewSecret("x")}
	for c, ok := range map[Client]int{NewPlainClient(creds): 0, NewLoginClient(creds): 2, NewExternalClient(""): 0} {
		c.Start()
		for range ok {
			if _, err := c.Next(nil); err != nil {
				t.Errorf("%s: %v", c.Mechanism(), err)
			}
		}
		if _, err := c.Next(nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s answers a challenge too many: %v", c.Mechanism(), err)
		}
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	creds := Credentials{Username: "bob", Password: NewSecret("hunter2")}
	hidden := struct{ c Credentials }{creds}
	var out bytes.Buffer
	for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, f+f+f+f, creds, &creds, creds.Password, hidden)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "creds", creds, "password", creds.Password, "hidden", hidden)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "creds", creds, "password", creds.Password)
	json.NewEncoder(&out).Encode(creds)
	out.WriteString(creds.Password.String())
	for _, s := range []string{"hunter2", "hunter", fmt.Sprintf("%x", "hunter2"), "104 117 110"} {
		if strings.Contains(out.String(), s) {
			t.Errorf("%q shows in %s", s, out.String())
		}
	}
	if creds.Password.Reveal() != "hunter2" || (Secret{}).Reveal() != "" {
		t.Error("secret is lost")
	}
}

func FuzzServers(f *testing.F) {
	f.Add([]byte("\x00bob\x00sécret"), []byte("x"))
	f.Add([]byte("alice\x00bob\x00"), []byte(nil))
	f.Add([]byte("bob"), []byte("sécret"))
	f.Fuzz(func(t *testing.T, r1, r2 []byte) {
		for _, make := range []func(PasswordVerifier) Server{NewPlainServer, NewLoginServer} {
			v := &verifier{}
			s := make(v)
			_, done, err := s.Next(t.Context(), r1)
			if err == nil && !done {
				_, done, err = s.Next(t.Context(), r2)
			}
			if done && (err != nil || v.calls != 1 || v.got.Username != "bob" || v.got.Password.Reveal() != "sécret") {
				t.Fatalf("%s: authenticated by %q %q", s.Mechanism(), r1, r2)
			}
			if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrCredentials) {
				t.Fatal(err)
			}
		}
	})
}
