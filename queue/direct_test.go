package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mox/dns"
	"mox/internal/netguard"
	"mox/queuedb"
	"mox/sasl"
	"mox/smtp"
	"mox/smtpclient"
)

// testRecords has domains whose hosts are at 192.0.2.10, 192.0.2.20 and 192.0.2.30, by preference.
func testRecords() *dns.MemResolver {
	return &dns.MemResolver{
		MX: map[string][]net.MX{
			"one.example":    {{Host: "mx10.example.", Pref: 10}},
			"two.example":    {{Host: "mx20.example.", Pref: 20}, {Host: "mx10.example.", Pref: 10}},
			"three.example":  {{Host: "mx30.example.", Pref: 30}, {Host: "mx10.example.", Pref: 10}, {Host: "mx20.example.", Pref: 20}},
			"null.example":   {{Host: ".", Pref: 0}},
			"ours.example":   {{Host: "mox.example.", Pref: 10}, {Host: "mx20.example.", Pref: 20}},
			"backup.example": {{Host: "mx10.example.", Pref: 10}, {Host: "mox.example.", Pref: 20}, {Host: "mx30.example.", Pref: 30}},
			"hidden.example": {{Host: "mx10.example.", Pref: 10}, {Host: "alias.example.", Pref: 20}, {Host: "mx30.example.", Pref: 30}},
			"gone.example":   {{Host: "gone1.example.", Pref: 10}, {Host: "gone2.example.", Pref: 20}},
			"half.example":   {{Host: "mx10.example.", Pref: 10}, {Host: "gone2.example.", Pref: 20}},
			"inward.example": {{Host: "inward1.example.", Pref: 10}},
		},
		A: map[string][]string{
			"mx10.example": {"192.0.2.10"}, "mx20.example": {"192.0.2.20"}, "mx30.example": {"192.0.2.30"},
			"alias.example": {"192.0.2.1"}, "plain.example": {"192.0.2.10"}, "inward1.example": {"127.0.0.1"},
		},
		Fail: []string{"fail.example"},
	}
}

// outcomes writes outcomes in short.
func outcomes(l []Outcome) string {
	var words []string
	for _, o := range l {
		switch e, permanent := permanent(o.Err); {
		case o.Err == nil && o.NoDSN:
			words = append(words, "ok")
		case o.Err == nil:
			words = append(words, "ok dsn")
		case permanent:
			words = append(words, "perm "+e.Enhanced.String())
		default:
			s := "temp"
			if e, ok := errors.AsType[*smtpclient.Error](o.Err); ok && e.Enhanced != "" {
				s += " " + e.Enhanced.String()
			}
			words = append(words, s)
		}
	}
	return strings.Join(words, ", ")
}

func job(t *testing.T, text string, to ...string) Job {
	j := Job{Message: queuedb.Message{MailFrom: path(t, "me@mox.example")}, Body: strings.NewReader(text), Size: int64(len(text))}
	for _, s := range to {
		j.Recipients = append(j.Recipients, queuedb.Recipient{Path: path(t, s)})
	}
	return j
}

const (
	hello = `
		S: 220 mx.example
		C: EHLO mox.example
		S: 250 mx.example
		`
	helloTLS = `
		S: 220 mx.example
		C: EHLO mox.example
		S: 250-mx.example
		S: 250 STARTTLS
		C: STARTTLS
		S: 220 go
		`
	from = `
		C: MAIL FROM:<me@mox.example>
		S: 250 ok
		`
	toA = `
		C: RCPT TO:<a@one.example>
		S: 250 ok
		`
	data = `
		C: DATA
		S: 354 go
		BODY x|
		S: 250 queued
		C: QUIT
		S: 221 bye`
	quit = `
		C: QUIT
		S: 221 bye`
)

// to is the dialogue for one recipient, with the reply to RCPT.
func to(path, reply string) string {
	return fmt.Sprintf("\nC: RCPT TO:<%s>\nS: %s\n", path, reply)
}

func TestDirect(t *testing.T) {
	t.Parallel()
	takes := func(path string) string { return hello + from + to(path, "250 ok") + data }
	both := func(a, b string) string {
		return hello + from + to("a@two.example", a) + to("b@two.example", b)
	}
	for _, tc := range []struct {
		name    string
		to      []string
		change  func(*Job)
		scripts map[string][]string
		want    string
		remote  string // Of the first recipient.
		dials   string
	}{
		{name: "one host", to: []string{"a@one.example"},
			scripts: map[string][]string{"192.0.2.10": {takes("a@one.example")}},
			want:    "ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "most preferred host first", to: []string{"a@two.example"},
			scripts: map[string][]string{"192.0.2.10": {takes("a@two.example")}},
			want:    "ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "domain itself without MX records", to: []string{"a@plain.example"},
			scripts: map[string][]string{"192.0.2.10": {takes("a@plain.example")}},
			want:    "ok", remote: "plain.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "address literal", to: []string{"a@[192.0.2.99]"},
			scripts: map[string][]string{"192.0.2.99": {takes("a@[192.0.2.99]")}},
			want:    "ok", remote: "[192.0.2.99]", dials: "192.0.2.99"},
		{name: "several recipients in one transaction", to: []string{"a@two.example", "b@two.example"},
			scripts: map[string][]string{"192.0.2.10": {both("250 ok", "251 ok") + data}},
			want:    "ok, ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},

		// The next host is tried when one cannot take it now.
		{name: "connection refused", to: []string{"a@three.example"},
			scripts: map[string][]string{"192.0.2.30": {takes("a@three.example")}},
			want:    "ok", remote: "mx30.example [192.0.2.30]", dials: "192.0.2.10 192.0.2.20 192.0.2.30"},
		{name: "busy at greeting", to: []string{"a@two.example"},
			scripts: map[string][]string{"192.0.2.10": {"S: 421 busy"}, "192.0.2.20": {takes("a@two.example")}},
			want:    "ok", remote: "mx20.example [192.0.2.20]", dials: "192.0.2.10 192.0.2.20"},
		{name: "connection lost", to: []string{"a@two.example"},
			scripts: map[string][]string{"192.0.2.10": {hello}, "192.0.2.20": {takes("a@two.example")}},
			want:    "ok", remote: "mx20.example [192.0.2.20]", dials: "192.0.2.10 192.0.2.20"},
		{name: "sender refused for now", to: []string{"a@two.example"},
			scripts: map[string][]string{
				"192.0.2.10": {hello + "C: MAIL FROM:<me@mox.example>\nS: 451 4.7.1 later" + quit},
				"192.0.2.20": {takes("a@two.example")}},
			want: "ok", remote: "mx20.example [192.0.2.20]", dials: "192.0.2.10 192.0.2.20"},
		{name: "message refused for now", to: []string{"a@two.example"},
			scripts: map[string][]string{
				"192.0.2.10": {hello + from + to("a@two.example", "250 ok") + "C: DATA\nS: 354 go\nBODY x|\nS: 452 4.3.1 full" + quit},
				"192.0.2.20": {takes("a@two.example")}},
			want: "ok", remote: "mx20.example [192.0.2.20]", dials: "192.0.2.10 192.0.2.20"},
		{name: "all refuse for now", to: []string{"a@two.example"},
			scripts: map[string][]string{"192.0.2.10": {"S: 421 busy"}, "192.0.2.20": {hello + from + to("a@two.example", "450 4.2.0 greylisted") + quit}},
			want:    "temp 4.2.0", remote: "mx20.example [192.0.2.20]", dials: "192.0.2.10 192.0.2.20"},
		{name: "nobody answers", to: []string{"a@two.example", "b@two.example"},
			want: "temp 4.4.1, temp 4.4.1", dials: "192.0.2.10 192.0.2.20"},

		// But not when it is refused for good.
		{name: "refused at greeting", to: []string{"a@two.example"},
			scripts: map[string][]string{"192.0.2.10": {"S: 554 5.7.1 no" + quit}},
			want:    "perm 5.7.1", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "sender refused", to: []string{"a@two.example"},
			scripts: map[string][]string{"192.0.2.10": {hello + "C: MAIL FROM:<me@mox.example>\nS: 550 5.7.1 no" + quit}},
			want:    "perm 5.7.1", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "message refused", to: []string{"a@two.example"},
			scripts: map[string][]string{"192.0.2.10": {hello + from + to("a@two.example", "250 ok") + "C: DATA\nS: 354 go\nBODY x|\nS: 554 5.6.0 spam" + quit}},
			want:    "perm 5.6.0", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},

		{name: "one taken, one refused", to: []string{"a@two.example", "b@two.example"},
			scripts: map[string][]string{"192.0.2.10": {both("550 5.1.1 unknown", "250 ok") + data}},
			want:    "perm 5.1.1, ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "only who is left goes to the next host", to: []string{"a@two.example", "b@two.example", "c@two.example"},
			scripts: map[string][]string{
				"192.0.2.10": {both("250 ok", "450 4.2.1 busy") + to("c@two.example", "550 5.1.1 unknown") + data},
				"192.0.2.20": {hello + from + to("b@two.example", "250 ok") + data}},
			want: "ok, ok, perm 5.1.1", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10 192.0.2.20"},

		// RFC 7435: TLS where possible, but mail has to go through.
		{name: "TLS", to: []string{"a@one.example"},
			scripts: map[string][]string{"192.0.2.10": {helloTLS + `TLS
				C: EHLO mox.example
				S: 250 mx.example` + from + toA + data}},
			want: "ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "without TLS where it fails", to: []string{"a@one.example"},
			scripts: map[string][]string{"192.0.2.10": {helloTLS + "FAILTLS", takes("a@one.example")}},
			want:    "ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10 192.0.2.10"},

		// RFC 7505 and RFC 5321 §5.1.
		{name: "null MX", to: []string{"a@null.example"}, want: "perm 5.1.10"},
		{name: "we are the host", to: []string{"a@ours.example"}, want: "perm 5.4.6"},
		{name: "we are among the hosts", to: []string{"a@backup.example"},
			scripts: map[string][]string{"192.0.2.10": {takes("a@backup.example")}},
			want:    "ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "hosts below us are not tried", to: []string{"a@backup.example"}, want: "temp 4.4.1", dials: "192.0.2.10"},
		{name: "nor below our address", to: []string{"a@hidden.example"}, want: "temp 4.4.1", dials: "192.0.2.10"},
		{name: "literal of our address", to: []string{"a@[192.0.2.1]"}, want: "perm 5.4.6"},
		{name: "domain does not exist", to: []string{"a@nothing.example"}, want: "perm 5.1.2"},
		{name: "hosts do not exist", to: []string{"a@gone.example"}, want: "perm 5.4.4"},
		{name: "a host that does not exist does not make it final", to: []string{"a@half.example"}, want: "temp 4.4.1", dials: "192.0.2.10"},
		{name: "lookup fails", to: []string{"a@fail.example"}, want: "temp 4.4.3"},
		{name: "address of the inside", to: []string{"a@inward.example"}, want: "perm 5.4.4"},

		// Extensions.
		{name: "8BITMIME", to: []string{"a@one.example"}, change: func(j *Job) { j.Message.EightBit = true },
			scripts: map[string][]string{"192.0.2.10": {`
				S: 220 mx.example
				C: EHLO mox.example
				S: 250-mx.example
				S: 250 8BITMIME
				C: MAIL FROM:<me@mox.example> BODY=8BITMIME
				S: 250 ok` + toA + data}},
			want: "ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "no 8BITMIME", to: []string{"a@one.example"}, change: func(j *Job) { j.Message.EightBit = true },
			scripts: map[string][]string{"192.0.2.10": {hello + quit}},
			want:    "perm 5.6.3", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "8BITMIME at the next host", to: []string{"a@two.example"}, change: func(j *Job) { j.Message.EightBit = true },
			scripts: map[string][]string{"192.0.2.10": {hello + quit}, "192.0.2.20": {`
				S: 220 mx.example
				C: EHLO mox.example
				S: 250-mx.example
				S: 250 8BITMIME
				C: MAIL FROM:<me@mox.example> BODY=8BITMIME
				S: 250 ok` + to("a@two.example", "250 ok") + data}},
			want: "ok", remote: "mx20.example [192.0.2.20]", dials: "192.0.2.10 192.0.2.20"},
		{name: "BINARYMIME at the next host", to: []string{"a@two.example"}, change: func(j *Job) { j.Message.EightBit, j.Message.Binary = true, true },
			scripts: map[string][]string{"192.0.2.10": {hello + quit}, "192.0.2.20": {`
				S: 220 mx.example
				C: EHLO mox.example
				S: 250-mx.example
				S: 250-CHUNKING
				S: 250 BINARYMIME
				C: MAIL FROM:<me@mox.example> BODY=BINARYMIME
				S: 250 ok` + to("a@two.example", "250 ok") + `
				C: BDAT 3 LAST
				C: x
				S: 250 ok` + quit}},
			want: "ok", remote: "mx20.example [192.0.2.20]", dials: "192.0.2.10 192.0.2.20"},
		{name: "no BINARYMIME", to: []string{"a@one.example"}, change: func(j *Job) { j.Message.EightBit, j.Message.Binary = true, true },
			scripts: map[string][]string{"192.0.2.10": {hello + quit}},
			want:    "perm 5.6.3", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "no SMTPUTF8", to: []string{"a@one.example"}, change: func(j *Job) { j.Message.SMTPUTF8 = true },
			scripts: map[string][]string{"192.0.2.10": {`
				S: 220 mx.example
				C: EHLO mox.example
				S: 250-mx.example
				S: 250 8BITMIME` + quit}},
			want: "perm 5.6.7", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "no SMTPUTF8 for one recipient", to: []string{"a@one.example", "ü@one.example"},
			scripts: map[string][]string{"192.0.2.10": {takes("a@one.example")}},
			want:    "ok, perm 5.6.7", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "prefix", to: []string{"a@one.example"}, change: func(j *Job) { j.Recipients[0].Prefix = []byte("A: b\r\n") },
			scripts: map[string][]string{"192.0.2.10": {`
				S: 220 mx.example
				C: EHLO mox.example
				S: 250-mx.example
				S: 250 SIZE
				C: MAIL FROM:<me@mox.example> SIZE=9
				S: 250 ok` + toA + strings.Replace(data, "BODY x|", "BODY A: b|x|", 1)}},
			want: "ok", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
		{name: "DSN", to: []string{"a@one.example", "b@one.example"}, change: func(j *Job) {
			j.Message.ENVID, j.Message.Ret = "id 1", smtp.RetHeaders
			j.Recipients[0].Notify = smtp.NotifySuccess
			j.Recipients[1].OriginalRecipient = smtp.OriginalRecipient{Type: "rfc822", Address: "B@list.example"}
		},
			scripts: map[string][]string{"192.0.2.10": {`
				S: 220 mx.example
				C: EHLO mox.example
				S: 250-mx.example
				S: 250 DSN
				C: MAIL FROM:<me@mox.example> RET=HDRS ENVID=id+201
				S: 250 ok
				C: RCPT TO:<a@one.example> NOTIFY=SUCCESS
				S: 250 ok
				C: RCPT TO:<b@one.example> ORCPT=rfc822;B@list.example
				S: 250 ok` + data}},
			want: "ok dsn, ok dsn", remote: "mx10.example [192.0.2.10]", dials: "192.0.2.10"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, tc.scripts)
			d := &Direct{TransportName: "direct", LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "mox.example"}}, Dialer: &smtpclient.Dialer{
				Resolver: testRecords(), DialContext: n.dial,
				Guard:      netguard.Guard{Own: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
				LocalNames: []dns.Domain{{ASCII: "mox.example"}},
			}}
			j := job(t, "x\r\n", tc.to...)
			if tc.change != nil {
				tc.change(&j)
			}
			l := d.Deliver(t.Context(), j)
			if len(l) != len(tc.to) {
				t.Fatalf("%d outcomes for %d recipients", len(l), len(tc.to))
			}
			if got := outcomes(l); got != tc.want {
				t.Errorf("outcomes %q, want %q; %v", got, tc.want, l[0].Err)
			}
			if l[0].Remote != tc.remote {
				t.Errorf("remote %q, want %q", l[0].Remote, tc.remote)
			}
			if got := strings.Join(n.dials(), " "); got != tc.dials {
				t.Errorf("connections to %q, want %q", got, tc.dials)
			}
		})
	}
}

// Hosts of the same preference are tried in random order (RFC 5321 §5.1).
func TestDirectSpreadsLoad(t *testing.T) {
	t.Parallel()
	first := map[string]bool{}
	for range 100 {
		n := newNetwork(t, nil)
		r := testRecords()
		r.MX["equal.example"] = []net.MX{{Host: "mx10.example.", Pref: 5}, {Host: "mx20.example.", Pref: 5}}
		d := &Direct{LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "mox.example"}}, Dialer: &smtpclient.Dialer{Resolver: r, DialContext: n.dial}}
		d.Deliver(t.Context(), job(t, "x\r\n", "a@equal.example"))
		first[n.dials()[0]] = true
	}
	if len(first) != 2 {
		t.Errorf("first hosts %v, want both", first)
	}
}

func TestDirectEndsWithContext(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, map[string][]string{"192.0.2.10": {"HANG"}})
	d := &Direct{LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "mox.example"}}, Dialer: &smtpclient.Dialer{Resolver: testRecords(), DialContext: n.dial}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan []Outcome)
	go func() { done <- d.Deliver(ctx, job(t, "x\r\n", "a@two.example")) }()
	cancel()
	if l := <-done; len(l) != 1 || !errors.Is(l[0].Err, context.Canceled) || !smtp.IsTemporary(l[0].Err) {
		t.Errorf("outcomes %v, want a temporary one of the context", l)
	}
	n.mu.Lock()
	n.scripts = nil // Which connections there were depends on the moment.
	n.mu.Unlock()
}

func TestSmarthost(t *testing.T) {
	t.Parallel()
	const helloAuth = `
		S: 220 relay.example
		C: EHLO mox.example
		S: 250-relay.example
		S: 250 AUTH PLAIN
		`
	creds := &sasl.Credentials{Username: "me", Password: sasl.NewSecret("secret")}
	for _, tc := range []struct {
		name   string
		tls    smtpclient.TLSMode
		creds  *sasl.Credentials
		script []string
		want   string
	}{
		{"without credentials", smtpclient.TLSNone, nil, []string{hello + from + toA + data}, "ok"},
		{"with credentials", smtpclient.TLSNone, creds, []string{helloAuth + `
			C: AUTH PLAIN AG1lAHNlY3JldA==
			S: 235 ok` + from + toA + data}, "ok"},
		{"no mechanism", smtpclient.TLSNone, creds, []string{hello + quit}, "temp"},
		{"password refused, not the message's fault", smtpclient.TLSNone, creds, []string{helloAuth + `
			C: AUTH PLAIN AG1lAHNlY3JldA==
			S: 535 5.7.8 no` + quit}, "temp 5.7.8"},
		{"TLS required", smtpclient.TLSRequired, nil, []string{hello + quit}, "temp 4.7.10"},
		{"does not answer", smtpclient.TLSNone, nil, nil, "temp 4.4.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, map[string][]string{"192.0.2.50": tc.script})
			s := &Smarthost{
				TransportName: "relay", Host: dns.IPDomain{IP: netip.MustParseAddr("192.0.2.50")}, Port: 587, TLS: tc.tls, Credentials: tc.creds,
				LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "mox.example"}}, DialContext: n.dial,
			}
			if got := outcomes(s.Deliver(t.Context(), job(t, "x\r\n", "a@one.example"))); got != tc.want {
				t.Errorf("outcome %q, want %q", got, tc.want)
			}
			if l := n.dials(); !slices.Equal(l, []string{"192.0.2.50"}) {
				t.Errorf("connections to %v", l)
			}
		})
	}
}
