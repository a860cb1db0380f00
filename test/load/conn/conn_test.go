package conn

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"mox/smtp"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		address string
		remote  bool
		ok      bool
	}{
		{"127.0.0.1:25", false, true},
		{"127.200.3.4:143", false, true},
		{"[::1]:143", false, true},
		{"[::ffff:127.0.0.1]:143", false, true},
		{"192.0.2.1:25", true, true},
		{"192.0.2.1:25", false, false},
		{"0.0.0.0:25", false, false},
		{"[::]:25", false, false},
		{"[2001:db8::1]:25", false, false},
		{"[::ffff:192.0.2.1]:25", false, false},
		{"128.0.0.1:25", false, false},
		{"127.0.0.1", false, false},
		{"127.0.0.1:0", false, false},
		{":25", false, false},
		{"", true, false},
	} {
		d := Dialer{Remote: tc.remote}
		if ap, err := d.Resolve(tc.address); (err == nil) != tc.ok {
			t.Errorf("%q, remote %v: got %v, %v", tc.address, tc.remote, ap, err)
		}
	}
	if _, err := new(Dialer).Resolve("192.0.2.1:25"); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("got error %v", err)
	}
}

// Nothing is sent to an address that is not of this machine, even by who does not ask first.
func TestDialRefuses(t *testing.T) {
	t.Parallel()
	if _, err := new(Dialer).SMTP(t.Context(), "192.0.2.1:25", Credentials{}); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("SMTP: got error %v", err)
	}
	if _, err := new(Dialer).IMAP(t.Context(), "192.0.2.1:143", Credentials{}, false); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("IMAP: got error %v", err)
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for n := range uint32(254 * 32) {
		a := spread(n)
		if b := a.As4(); !a.IsLoopback() || b[1] == 0 || b[1] == 255 || seen[a.String()] {
			t.Fatalf("address %d is %v", n, a)
		}
		seen[a.String()] = true
	}
}

// serve answers one connection with a script: what the server says after each line that it reads.
func serve(t *testing.T, greeting string, answers ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(5 * time.Minute))
		br := bufio.NewReader(nc)
		nc.Write([]byte(greeting))
		for _, a := range answers {
			if _, err := br.ReadString('\n'); err != nil {
				return
			}
			nc.Write([]byte(a))
			if a != "" && !strings.HasSuffix(a, "\n") {
				return // It goes in the middle of something.
			}
		}
		br.ReadString('\n')
	}()
	return l.Addr().String()
}

func openIMAP(t *testing.T, answers ...string) *IMAP {
	t.Helper()
	c, err := new(Dialer).IMAP(t.Context(), serve(t, "* OK hello\r\n", answers...), Credentials{}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestResponses(t *testing.T) {
	t.Parallel()
	c := openIMAP(t, "* 3 EXISTS\r\n* 2 FETCH (BODY[] {5}\r\nab\r\nc UID 7 BODY[TEXT] ~{0}\r\n)\r\n* ok x\r\nt1 OK done\r\n")
	c.Keep = true
	var got []string
	err := c.Command(func(r *Response) error {
		s := string(r.Name) + "|" + string(r.Text)
		for _, l := range r.Content {
			s += "|" + string(l)
		}
		got = append(got, s)
		if r.Is("FETCH") && (r.Num != 2 || r.Literals != 2 || r.Bytes != 5) {
			t.Errorf("got %+v", r)
		}
		return nil
	}, "NOOP")
	want := "EXISTS|,FETCH|(BODY[]  UID 7 BODY[TEXT] )|ab\r\nc|,ok|x"
	if s := strings.Join(got, ","); err != nil || s != want || c.Exists != 3 {
		t.Errorf("got %q, %d, %v; want %q", s, c.Exists, err, want)
	}
}

func TestResponsesRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answer string
		want   error // Nil for any.
	}{
		{"t1 NO never\r\n", ErrRefused},
		{"t1 BAD what\r\n", ErrRefused},
		{"t2 OK other tag\r\n", ErrResponse},
		{"*\r\n", ErrResponse},
		{"* 12 \r\n", ErrResponse},
		{"\r\n", ErrResponse},
		{"* OK line end\nt1 OK\r\n", ErrResponse},
		{"* 1 FETCH (BODY[] {99999999999}\r\n", ErrResponse},
		{"* BYE going\r\n", nil},
		{"* 1 FETCH (BODY[] {5}\r\nab", nil},
	} {
		c := openIMAP(t, tc.answer)
		if err := c.Command(nil, "NOOP"); err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%q: got error %v, want %v", tc.answer, err, tc.want)
		}
	}
}

func TestSearchChecksNumbers(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]int{
		"* SEARCH 3 1\r\nt2 OK\r\n": 2,
		"* SEARCH\r\nt2 OK\r\n":     0,
		"* SEARCH 4\r\nt2 OK\r\n":   -1, // Not in the mailbox.
		"* SEARCH 0\r\nt2 OK\r\n":   -1,
		"* SEARCH 2 2\r\nt2 OK\r\n": -1,
		"* SEARCH x\r\nt2 OK\r\n":   -1,
	} {
		c := openIMAP(t, "* 3 EXISTS\r\nt1 OK\r\n", answer)
		if _, err := c.Select("INBOX"); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Search("ALL"); n != want && want >= 0 || (err != nil) != (want < 0) {
			t.Errorf("%q: got %d, %v", answer, n, err)
		}
	}
}

// Waiting ends when the context does, without an answer.
func TestWaitExists(t *testing.T) {
	t.Parallel()
	c := openIMAP(t, "+ idling\r\n* 4 EXISTS\r\n")
	if err := c.Idle(); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitExists(t.Context(), time.Hour); err != nil || c.Exists != 4 {
		t.Errorf("got %d, %v", c.Exists, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.WaitExists(ctx, time.Hour); err == nil {
		t.Error("waiting ended well without news")
	}
}

const ehlo = "250-server\r\n250-SIZE 1000\r\n250 PIPELINING\r\n"

func TestSendRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answers []string
		code    int
	}{
		{[]string{ehlo, "550 5.7.1 no\r\n", "503 no\r\n", "503 no\r\n"}, 550},
		{[]string{ehlo, "250 ok\r\n", "452 4.2.2 full\r\n", "503 no\r\n"}, 452},
		{[]string{ehlo, "250 ok\r\n", "250 ok\r\n", "354 go on\r\n", "", "451 4.3.0 later\r\n"}, 451},
		{[]string{"250 plain\r\n", "250 ok\r\n", "550 no\r\n"}, 550},
	} {
		s, err := new(Dialer).SMTP(t.Context(), serve(t, "220 hello\r\n", tc.answers...), Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send("a@load.example", []string{"b@load.example"}, []byte("Subject: x\r\n"))
		var refused *smtp.Error
		if !errors.As(err, &refused) || refused.Code != tc.code {
			t.Errorf("%q: got error %v", tc.answers, err)
		}
		s.Close()
	}
}

// What a server sends in plain text before TLS is from whoever is in between.
func TestStartTLSWithoutInjection(t *testing.T) {
	t.Parallel()
	d := Dialer{Security: StartTLS}
	addr := serve(t, "220 hello\r\n", ehlo, "220 go\r\n250 injected\r\n")
	if _, err := d.SMTP(t.Context(), addr, Credentials{}); err == nil || !strings.Contains(err.Error(), "plain text") {
		t.Errorf("got error %v", err)
	}
}
