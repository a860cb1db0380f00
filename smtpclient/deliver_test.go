package smtpclient

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"mox/internal/memnet"
	"mox/smtp"
)

// outcome writes results in short: the codes of what recipients got.
func outcome(results []RecipientResult) string {
	var l []string
	for _, r := range results {
		e, _ := errors.AsType[*Error](r.Err)
		switch {
		case r.Err == nil:
			l = append(l, fmt.Sprint(r.Reply.Code))
		case e == nil:
			l = append(l, r.Err.Error())
		default:
			kind := "temp"
			if e.Permanent {
				kind = "perm"
			}
			l = append(l, fmt.Sprintf("%s %s %d %s", e.Command, kind, e.Code, e.Enhanced))
		}
	}
	return strings.Join(l, ", ")
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	const hello = `
		S: 220 mx.example
		C: EHLO client.example
		S: 250-mx.example
		S: 250-SIZE 1000
		S: 250-8BITMIME
		S: 250 SMTPUTF8
		`
	const plainHello = `
		S: 220 mx.example
		C: EHLO client.example
		S: 250 mx.example
		`
	const pipeHello = `
		S: 220 mx.example
		C: EHLO client.example
		S: 250-mx.example
		S: 250 PIPELINING
		`
	const binaryHello = `
		S: 220 mx.example
		C: EHLO client.example
		S: 250-mx.example
		S: 250-PIPELINING
		S: 250-CHUNKING
		S: 250 BINARYMIME
		`
	const quit = `
		C: QUIT
		S: 221 bye`
	one := Envelope{From: mustPath("bob@client.example"), Recipients: rcpts("a@example.org")}
	three := Envelope{From: mustPath("bob@client.example"), Recipients: rcpts("a@example.org", "b@example.org", "c@example.org")}
	for _, tc := range []struct {
		name   string
		env    Envelope
		body   string
		lmtp   bool
		script string
		want   string
		err    bool
		lost   bool
	}{
		{name: "one recipient", env: one, body: "Subject: x\n\n.dot\r\nlast", want: "250", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 250 2.1.0 ok
			C: RCPT TO:<a@example.org>
			S: 250 2.1.5 ok
			C: DATA
			S: 354 go
			BODY Subject: x||.dot|last|
			S: 250 2.0.0 queued` + quit},
		{name: "pipelined", env: one, body: "x\r\n", want: "250", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: DATA
			S: 250 ok
			S: 251 forwarding
			S: 354 go
			BODY x|
			S: 250 queued` + quit},
		{name: "empty message", env: one, want: "250", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: DATA
			S: 250 ok
			S: 250 ok
			S: 354 go
			C: .
			S: 250 queued` + quit},
		{name: "some recipients refused", env: three, body: "x\r\n", want: "RCPT perm 550 5.1.1, 250, RCPT temp 450 4.2.2", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: RCPT TO:<b@example.org>
			C: RCPT TO:<c@example.org>
			C: DATA
			S: 250 ok
			S: 550-5.1.1 no
			S: 550 5.1.1 such user
			S: 250 ok
			S: 450 4.2.2 full
			S: 354 go
			BODY x|
			S: 250 queued` + quit},
		{name: "all recipients refused", env: three, want: "RCPT perm 550 , RCPT perm 550 , RCPT perm 550 ", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 550 no
			C: RCPT TO:<b@example.org>
			S: 550 no
			C: RCPT TO:<c@example.org>
			S: 550 no` + quit},
		{name: "all recipients refused, pipelined", env: one, want: "RCPT perm 550 ", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: DATA
			S: 250 ok
			S: 550 no
			S: 554 no valid recipients` + quit},
		{name: "all recipients refused, but message wanted", env: one, want: "RCPT perm 550 ", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: DATA
			S: 250 ok
			S: 550 no
			S: 354 go
			C: .
			S: 554 no valid recipients` + quit},
		{name: "sender refused", env: one, err: true, want: "MAIL perm 550 5.7.1", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 550 5.7.1 no` + quit},
		{name: "sender refused, pipelined", env: three, err: true, want: "MAIL temp 451 4.7.1, MAIL temp 451 4.7.1, MAIL temp 451 4.7.1", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: RCPT TO:<b@example.org>
			C: RCPT TO:<c@example.org>
			C: DATA
			S: 451 4.7.1 greylisted
			S: 503 5.5.1 need MAIL
			S: 503 5.5.1 need MAIL
			S: 503 5.5.1 need MAIL
			S: 503 5.5.1 need RCPT` + quit},
		{name: "sender refused, but message wanted", env: one, err: true, want: "MAIL perm 550 ", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: DATA
			S: 550 no
			S: 250 ok
			S: 354 go
			C: .
			S: 250 whatever` + quit},
		{name: "DATA refused", env: three, err: true, want: "DATA temp 451 , RCPT perm 550 , DATA temp 451 ", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: RCPT TO:<b@example.org>
			C: RCPT TO:<c@example.org>
			C: DATA
			S: 250 ok
			S: 250 ok
			S: 550 no
			S: 250 ok
			S: 451 try later` + quit},
		{name: "message refused", env: one, body: "x\r\n", err: true, want: "message perm 554 5.6.0", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 554 5.6.0 spam` + quit},
		{name: "closing at RCPT", env: three, err: true, lost: true, want: "RCPT temp 421 , RCPT temp 421 , RCPT temp 421 ", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 421 shutting down
			EOF`},
		{name: "closing at MAIL, pipelined", env: one, err: true, lost: true, want: "MAIL temp 421 ", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: DATA
			S: 421 shutting down
			EOF`},
		{name: "closing at second RCPT", env: three, err: true, lost: true, want: "RCPT temp 421 , RCPT temp 421 , RCPT temp 421 ", script: pipeHello + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: RCPT TO:<b@example.org>
			C: RCPT TO:<c@example.org>
			C: DATA
			S: 250 ok
			S: 250 ok
			S: 421 shutting down
			EOF`},
		{name: "lost before the reply", env: one, body: "x\r\n", err: true, lost: true, want: "message temp 0 4.4.2", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|`},
		{name: "too many recipients", env: three, body: "x\r\n", want: "250, RCPT temp 552 , RCPT perm 552 5.2.2", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: RCPT TO:<b@example.org>
			S: 552 too many recipients
			C: RCPT TO:<c@example.org>
			S: 552 5.2.2 mailbox full
			C: DATA
			S: 354 go
			BODY x|
			S: 250 ok` + quit},
		{name: "first recipient full", env: one, want: "RCPT perm 552 ", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 552 full` + quit},
		{name: "reply that makes no sense", env: one, want: "RCPT temp 354 ", script: plainHello + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 354 go` + quit},

		{name: "parameters", env: Envelope{Recipients: rcpts("a@example.org"), Size: 1000, EightBit: true, SMTPUTF8: true}, body: "ä\r\n", want: "250", script: hello + `
			C: MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY ä|
			S: 250 ok` + quit},
		{name: "parameters not needed", env: Envelope{Recipients: rcpts("a@bücher.example")}, body: "x\r\n", want: "250", script: hello + `
			C: MAIL FROM:<>
			S: 250 ok
			C: RCPT TO:<a@xn--bcher-kva.example>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 ok` + quit},
		{name: "parameters not offered", env: Envelope{Recipients: rcpts("a@example.org"), Size: 1000}, body: "x\r\n", want: "250", script: plainHello + `
			C: MAIL FROM:<>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 ok` + quit},
		{name: "international recipient", env: Envelope{Recipients: rcpts("ä@bücher.example")}, body: "x\r\n", want: "250", script: hello + `
			C: MAIL FROM:<> SMTPUTF8
			S: 250 ok
			C: RCPT TO:<ä@xn--bcher-kva.example>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 ok` + quit},
		{name: "too big", env: Envelope{Recipients: rcpts("a@example.org"), Size: 1001}, err: true, want: "MAIL perm 0 5.3.4", script: hello + quit},
		{name: "8bit not offered", env: Envelope{Recipients: rcpts("a@example.org"), EightBit: true}, err: true, want: "MAIL perm 0 5.6.3", script: plainHello + quit},
		// RFC 3030 §3, §4.2.
		{name: "binary", env: Envelope{Recipients: rcpts("a@example.org", "b@example.org"), Size: 9, EightBit: true, Binary: true}, body: "a\n\x00\r.\r\n.\n", want: "250, RCPT perm 550 ", script: binaryHello + `
			C: MAIL FROM:<> BODY=BINARYMIME
			C: RCPT TO:<a@example.org>
			C: RCPT TO:<b@example.org>
			S: 250 ok
			S: 250 ok
			S: 550 no
			C: BDAT 9 LAST
			RAW a\n\x00\r.\r\n.\n
			S: 250 ok` + quit},
		{name: "binary, in turn", env: Envelope{Recipients: rcpts("a@example.org"), Size: 2, Binary: true}, body: "\r.", want: "message temp 452 4.3.1", err: true, script: strings.Replace(binaryHello, "PIPELINING", "HELP", 1) + `
			C: MAIL FROM:<> BODY=BINARYMIME
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: BDAT 2 LAST
			RAW \r.
			S: 452 4.3.1 full` + quit},
		{name: "binary, no recipient taken", env: Envelope{Recipients: rcpts("a@example.org"), Size: 2, Binary: true}, want: "RCPT perm 550 ", script: binaryHello + `
			C: MAIL FROM:<> BODY=BINARYMIME
			C: RCPT TO:<a@example.org>
			S: 250 ok
			S: 550 no` + quit},
		{name: "binary, too short", env: Envelope{Recipients: rcpts("a@example.org"), Size: 3, Binary: true}, body: "ab", lost: true, err: true, want: "message temp 0 ", script: binaryHello + `
			C: MAIL FROM:<> BODY=BINARYMIME
			C: RCPT TO:<a@example.org>
			S: 250 ok
			S: 250 ok`},
		{name: "binary, too long", env: Envelope{Recipients: rcpts("a@example.org"), Size: 1, Binary: true}, body: "ab", lost: true, err: true, want: "message temp 0 ", script: binaryHello + `
			C: MAIL FROM:<> BODY=BINARYMIME
			C: RCPT TO:<a@example.org>
			S: 250 ok
			S: 250 ok`},
		{name: "binary not offered", env: Envelope{Recipients: rcpts("a@example.org"), Size: 1, Binary: true}, err: true, want: "MAIL perm 0 5.6.3", script: strings.Replace(binaryHello, "BINARYMIME", "8BITMIME", 1) + quit},
		{name: "binary without chunks", env: Envelope{Recipients: rcpts("a@example.org"), Size: 1, Binary: true}, err: true, want: "MAIL perm 0 5.6.3", script: strings.Replace(binaryHello, "CHUNKING", "8BITMIME", 1) + quit},
		{name: "UTF-8 header not offered", env: Envelope{Recipients: rcpts("a@example.org"), SMTPUTF8: true}, err: true, want: "MAIL perm 0 5.6.7", script: strings.Replace(hello, "SMTPUTF8", "HELP", 1) + quit},
		{name: "UTF-8 sender not offered", env: Envelope{From: mustPath("ä@example.org"), Recipients: rcpts("a@example.org")}, err: true, want: "MAIL perm 0 5.6.7", script: plainHello + quit},
		{name: "UTF-8 recipient not offered", env: Envelope{Recipients: rcpts("ä@example.org", "a@example.org")}, body: "x\r\n", want: "RCPT perm 0 5.6.7, 250", script: plainHello + `
			C: MAIL FROM:<>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 ok` + quit},
		{name: "only UTF-8 recipients, not offered", env: Envelope{Recipients: rcpts("ä@example.org")}, want: "RCPT perm 0 5.6.7", script: plainHello + quit},
		{name: "TLS required", env: Envelope{Recipients: rcpts("a@example.org"), RequireTLS: true}, err: true, want: "MAIL perm 0 5.7.10", script: plainHello + quit},
		{name: "command in recipient", env: Envelope{Recipients: []Recipient{{To: smtp.Path{Localpart: "a\r\nRSET"}}}}, want: "RCPT perm 0 5.1.3", script: plainHello + quit},
		{name: "command in sender", env: Envelope{From: smtp.Path{Localpart: "a\r\nRSET"}, Recipients: rcpts("a@example.org")}, err: true, want: "MAIL perm 0 5.1.7", script: plainHello + quit},
		{name: "null recipient", env: Envelope{Recipients: []Recipient{{}}}, want: "RCPT perm 0 5.1.3", script: plainHello + quit},
		{name: "no recipient", env: Envelope{}, err: true, want: "", script: plainHello + quit},

		{name: "LMTP", lmtp: true, env: three, body: "x\r\n", want: "250, RCPT perm 550 , message temp 452 4.2.2", script: strings.Replace(pipeHello, "EHLO", "LHLO", 1) + `
			C: MAIL FROM:<bob@client.example>
			C: RCPT TO:<a@example.org>
			C: RCPT TO:<b@example.org>
			C: RCPT TO:<c@example.org>
			C: DATA
			S: 250 ok
			S: 250 ok
			S: 550 no
			S: 250 ok
			S: 354 go
			BODY x|
			S: 250-2.0.0 is
			S: 250 2.0.0 there
			S: 452 4.2.2 full` + quit},
		{name: "LMTP, lost between replies", lmtp: true, lost: true, env: three, body: "x\r\n", err: true, want: "250, message temp 0 4.4.2, message temp 0 4.4.2", script: strings.Replace(plainHello, "EHLO", "LHLO", 1) + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: RCPT TO:<b@example.org>
			S: 250 ok
			C: RCPT TO:<c@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 ok`},
		{name: "LMTP, closing between replies", lmtp: true, lost: true, env: three, body: "x\r\n", err: true, want: "message temp 421 , message temp 421 , message temp 421 ", script: strings.Replace(plainHello, "EHLO", "LHLO", 1) + `
			C: MAIL FROM:<bob@client.example>
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: RCPT TO:<b@example.org>
			S: 250 ok
			C: RCPT TO:<c@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 421 closing
			EOF`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			opts.LMTP = tc.lmtp
			c := newClient(t, opts, tc.script)
			results, err := c.Deliver(t.Context(), tc.env, strings.NewReader(tc.body))
			if got := outcome(results); got != tc.want || (err != nil) != tc.err || len(results) != len(tc.env.Recipients) {
				t.Errorf("results %s, error %v; want %s", got, err, tc.want)
			}
			if c.Usable() == tc.lost {
				t.Errorf("usable is %v", c.Usable())
			}
			for _, r := range results {
				if e, ok := errors.AsType[*Error](r.Err); ok && smtp.IsTemporary(e) == e.Permanent {
					t.Errorf("smtp.IsTemporary(%v) is %v", e, e.Permanent)
				}
			}
			c.Close()
		})
	}
}

func TestSeveralMessages(t *testing.T) {
	t.Parallel()
	c := newClient(t, options(), `
		S: 220 mx.example
		C: EHLO client.example
		S: 250 mx.example
		C: MAIL FROM:<>
		S: 250 ok
		C: RCPT TO:<a@example.org>
		S: 250 ok
		C: DATA
		S: 354 go
		BODY one|
		S: 250 ok
		C: MAIL FROM:<>
		S: 250 ok
		C: RCPT TO:<a@example.org>
		S: 550 no
		C: RSET
		S: 250 ok
		C: MAIL FROM:<>
		S: 550 no
		C: RSET
		S: 250 ok
		C: MAIL FROM:<>
		S: 250 ok
		C: RCPT TO:<a@example.org>
		S: 250 ok
		C: DATA
		S: 354 go
		BODY four|
		S: 550 no
		C: MAIL FROM:<>
		S: 250 ok
		C: RCPT TO:<a@example.org>
		S: 250 ok
		C: DATA
		S: 354 go
		BODY five|
		S: 250 ok
		C: QUIT
		S: 221 bye`)
	for i, body := range []string{"one", "two", "three", "four", "five"} {
		results, _ := c.Deliver(t.Context(), Envelope{Recipients: rcpts("a@example.org")}, strings.NewReader(body))
		if ok := i == 0 || i == 4; ok != (results[0].Err == nil) || !c.Usable() {
			t.Errorf("message %s: %v", body, results[0].Err)
		}
	}
	c.Close()
}

func TestRequireTLS(t *testing.T) {
	t.Parallel()
	cert, pool := newCert(t, "mx.example")
	for _, offered := range []bool{true, false} {
		lines := `
			S: 220 mx.example
			C: EHLO client.example
			S: 250-mx.example
			S: 250 STARTTLS
			C: STARTTLS
			S: 220 go
			TLS
			C: EHLO client.example
			`
		if offered {
			lines += `
			S: 250-mx.example
			S: 250 REQUIRETLS
			C: MAIL FROM:<> REQUIRETLS
			S: 250 ok
			C: RCPT TO:<a@example.org>
			S: 250 ok
			C: DATA
			S: 354 go
			BODY x|
			S: 250 ok
			C: QUIT
			S: 221 bye`
		} else {
			lines += `
			S: 250 mx.example
			C: QUIT
			S: 221 bye`
		}
		opts := options()
		opts.TLS = TLSVerified
		opts.TLSConfig = &tls.Config{RootCAs: pool}
		c, err := New(t.Context(), script(t, cert, strings.ReplaceAll(lines, "\n\n", "\n")), opts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Deliver(t.Context(), Envelope{Recipients: rcpts("a@example.org"), RequireTLS: true}, strings.NewReader("x\r\n"))
		if offered && err != nil {
			t.Error(err)
		} else if !offered {
			wantError(t, err, "MAIL", true, 0, "5.7.30", ErrExtension)
		}
		c.Close()
	}
}

// A message that cannot be read to its end must not look complete.
func TestBodyFails(t *testing.T) {
	t.Parallel()
	disk := errors.New("disk error")
	a, b := memnet.Pipe()
	sent := make(chan []byte)
	go func() {
		io.WriteString(b, "220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n")
		all, _ := io.ReadAll(b)
		sent <- all
	}()
	c, err := New(t.Context(), a, options())
	if err != nil {
		t.Fatal(err)
	}
	body := io.MultiReader(strings.NewReader(strings.Repeat("line\r\n", 10_000)), iotest.ErrReader(disk))
	results, err := c.Deliver(t.Context(), Envelope{Recipients: rcpts("a@example.org")}, body)
	wantError(t, err, "message", false, 0, "", disk)
	if results[0].Err == nil || c.Usable() {
		t.Error("delivery seems in order")
	}
	c.Close()
	if all := <-sent; strings.Contains(string(all), "\r\n.\r\n") || strings.Contains(string(all), "QUIT") {
		t.Error("message was ended")
	}
}

// A server that refuses the message early and closes is heard.
func TestEarlyRefusal(t *testing.T) {
	t.Parallel()
	a, b := memnet.Pipe()
	go func() {
		io.WriteString(b, "220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n552 5.3.4 too big\r\n")
		io.CopyN(io.Discard, b, 1000)
		b.Close()
	}()
	c, err := New(t.Context(), a, options())
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Deliver(t.Context(), Envelope{Recipients: rcpts("a@example.org")}, strings.NewReader(strings.Repeat("line\r\n", 100_000)))
	wantError(t, err, "message", true, 552, "5.3.4", nil)
	c.Close()
}

// Many recipients go in groups, so that neither side has to wait for the other to read.
func TestManyRecipientsPipelined(t *testing.T) {
	t.Parallel()
	const n = 3*maxPipeline + 7
	var env Envelope
	for i := range n {
		env.Recipients = append(env.Recipients, Recipient{To: mustPath(fmt.Sprintf("r%d@example.org", i))})
	}
	lines := "S: 220 mx.example\nC: EHLO client.example\nS: 250-mx.example\nS: 250 PIPELINING\nC: MAIL FROM:<>\n"
	for start := 0; start < n; start += maxPipeline {
		end := min(start+maxPipeline, n)
		for i := start; i < end; i++ {
			lines += fmt.Sprintf("C: RCPT TO:<r%d@example.org>\n", i)
		}
		if end == n {
			lines += "C: DATA\n"
		}
		if start == 0 {
			lines += "S: 250 ok\n"
		}
		for i := start; i < end; i++ {
			lines += fmt.Sprintf("S: %d for %d\n", 250+300*(i%2), i)
		}
	}
	lines += "S: 354 go\nBODY x|\nS: 250 ok\nC: QUIT\nS: 221 bye"
	c := newClient(t, options(), lines)
	results, err := c.Deliver(t.Context(), env, strings.NewReader("x\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if (r.Err == nil) != (i%2 == 0) {
			t.Errorf("recipient %d: %v", i, r.Err)
		}
		if r.Err != nil && !strings.Contains(r.Err.Error(), fmt.Sprintf("for %d", i)) {
			t.Errorf("recipient %d has the reply of another: %v", i, r.Err)
		}
	}
	c.Close()
}

// Whatever a server says, the client neither panics nor claims a delivery without a reply
// to the message.
func FuzzClient(f *testing.F) {
	f.Add("220 mx\r\n250-mx\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n250 ok\r\n221 bye\r\n", false)
	f.Add("220 mx\r\n250-mx\r\n250-SIZE 100000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n", false)
	f.Add("220 mx\r\n500 what\r\n250 mx\r\n250 ok\r\n421 no\r\n", false)
	f.Add("220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n452 full\r\n", true)
	f.Fuzz(func(t *testing.T, says string, lmtp bool) {
		if len(says) > 32<<10 {
			return // It must fit in the buffer.
		}
		a, b := memnet.Pipe()
		defer b.Close()
		io.WriteString(b, says)
		b.(*memnet.Conn).CloseWrite()
		opts := options()
		opts.LMTP = lmtp
		opts.TLS = TLSNone
		c, err := New(t.Context(), a, opts)
		if err == nil {
			var results []RecipientResult
			results, err = c.Deliver(t.Context(), Envelope{Recipients: rcpts("a@example.org", "b@example.org")}, strings.NewReader("x\r\n"))
			c.Close()
			sent, _ := io.ReadAll(b)
			for _, r := range results {
				if r.Err == nil && !strings.Contains(string(sent), "DATA\r\nx\r\n.\r\n") {
					t.Fatalf("delivered by %q: %q was sent", says, sent)
				}
			}
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("error %v is no *Error", err)
			}
		}
	})
}
