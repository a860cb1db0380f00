package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/pipeline"
	"mox/queuedb"
	"mox/rcptsecurity"
	"mox/smtp"
	"mox/smtpclient"
)

// security says which hosts policies name, and takes note of what deliveries see.
type security struct {
	trusts map[string]string // Host, by domain.

	mu   sync.Mutex
	seen []string
}

func (s *security) Seen(domain dns.Domain, seen rcptsecurity.Seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, fmt.Sprintf("%s %s %s %s", domain.ASCII, seen.Host.ASCII, seen.STARTTLS, seen.RequireTLS))
}

func (s *security) MXTrusted(_ context.Context, domain, host dns.Domain) bool {
	return s.trusts[domain.ASCII] == host.ASCII
}

// withinTLS is the dialogue up to EHLO within TLS, with a certificate for a name.
func withinTLS(name, extension string) string {
	last := "250 mx.example"
	if extension != "" {
		last = "250-mx.example\nS: 250 " + extension
	}
	return helloTLS + "TLS " + name + "\nC: EHLO mox.example\nS: " + last
}

// RFC 8689 §4.2.1, §5.
func TestDirectRequireTLS(t *testing.T) {
	t.Parallel()
	const required = `
		C: MAIL FROM:<me@mox.example> REQUIRETLS
		S: 250 ok`
	sent := func(path string) string { return required + to(path, "250 ok") + data }
	for _, tc := range []struct {
		name      string
		to        string
		bounce    bool
		authentic bool
		trusts    map[string]string
		scripts   map[string][]string
		want      string
		dials     string
		seen      []string
	}{
		{name: "DNSSEC", to: "a@one.example", authentic: true,
			scripts: map[string][]string{"192.0.2.10": {withinTLS("mx10.example", "REQUIRETLS") + sent("a@one.example")}},
			want:    "ok", dials: "192.0.2.10", seen: []string{"one.example mx10.example yes yes"}},
		{name: "MTA-STS", to: "a@one.example", trusts: map[string]string{"one.example": "mx10.example"},
			scripts: map[string][]string{"192.0.2.10": {withinTLS("mx10.example", "REQUIRETLS") + sent("a@one.example")}},
			want:    "ok", dials: "192.0.2.10", seen: []string{"one.example mx10.example yes yes"}},
		{name: "MTA-STS for the second host only", to: "a@two.example", trusts: map[string]string{"two.example": "mx20.example"},
			scripts: map[string][]string{"192.0.2.20": {withinTLS("mx20.example", "REQUIRETLS") + sent("a@two.example")}},
			want:    "ok", dials: "192.0.2.20", seen: []string{"two.example mx20.example yes yes"}},
		{name: "no MX records", to: "a@plain.example",
			scripts: map[string][]string{"192.0.2.10": {withinTLS("plain.example", "REQUIRETLS") + sent("a@plain.example")}},
			want:    "ok", dials: "192.0.2.10", seen: []string{"plain.example plain.example yes yes"}},
		{name: "nobody vouches for the host", to: "a@one.example", want: "perm 5.7.30"},
		{name: "address literal", to: "a@[192.0.2.99]", want: "perm 5.7.10"},
		{name: "no REQUIRETLS", to: "a@one.example", authentic: true,
			scripts: map[string][]string{"192.0.2.10": {withinTLS("mx10.example", "") + quit}},
			want:    "perm 5.7.30", dials: "192.0.2.10", seen: []string{"one.example mx10.example yes no"}},
		{name: "no REQUIRETLS at the first host", to: "a@two.example", authentic: true,
			scripts: map[string][]string{"192.0.2.10": {withinTLS("mx10.example", "") + quit}, "192.0.2.20": {withinTLS("mx20.example", "REQUIRETLS") + sent("a@two.example")}},
			want:    "ok", dials: "192.0.2.10 192.0.2.20", seen: []string{"two.example mx10.example yes no", "two.example mx20.example yes yes"}},
		{name: "no REQUIRETLS, and the other host does not answer", to: "a@two.example", authentic: true,
			scripts: map[string][]string{"192.0.2.20": {withinTLS("mx20.example", "") + quit}},
			want:    "temp 4.4.1", dials: "192.0.2.10 192.0.2.20", seen: []string{"two.example mx20.example yes no"}},
		{name: "no STARTTLS", to: "a@one.example", authentic: true,
			scripts: map[string][]string{"192.0.2.10": {hello + quit}},
			want:    "perm 5.7.10", dials: "192.0.2.10", seen: []string{"one.example mx10.example no no"}},
		{name: "STARTTLS is busy", to: "a@one.example", authentic: true,
			scripts: map[string][]string{"192.0.2.10": {strings.Replace(helloTLS, "220 go", "454 4.3.0 later", 1) + quit}},
			want:    "temp 4.3.0", dials: "192.0.2.10", seen: []string{"one.example mx10.example unknown unknown"}},
		{name: "certificate for another name", to: "a@one.example", authentic: true,
			scripts: map[string][]string{"192.0.2.10": {helloTLS + "NOTLS other.example"}},
			want:    "perm 5.7.10", dials: "192.0.2.10", seen: []string{"one.example mx10.example error unknown"}},
		{name: "certificate of nobody", to: "a@one.example", authentic: true,
			scripts: map[string][]string{"192.0.2.10": {helloTLS + "NOTLS"}},
			want:    "perm 5.7.10", dials: "192.0.2.10", seen: []string{"one.example mx10.example error unknown"}},
		{name: "no answer", to: "a@one.example", authentic: true, want: "temp 4.4.1", dials: "192.0.2.10"},

		// Notifications are rather sent than lost.
		{name: "notification", to: "a@one.example", bounce: true, authentic: true,
			scripts: map[string][]string{"192.0.2.10": {withinTLS("mx10.example", "REQUIRETLS") + strings.Replace(sent("a@one.example"), "<me@mox.example>", "<>", 1)}},
			want:    "ok", dials: "192.0.2.10", seen: []string{"one.example mx10.example yes yes"}},
		{name: "notification without REQUIRETLS", to: "a@one.example", bounce: true, authentic: true,
			scripts: map[string][]string{"192.0.2.10": {
				withinTLS("mx10.example", "") + quit,
				withinTLS("", "") + strings.Replace(from, "<me@mox.example>", "<>", 1) + toA + data,
			}},
			want: "ok", dials: "192.0.2.10 192.0.2.10", seen: []string{"one.example mx10.example yes no", "one.example mx10.example yes no"}},
		{name: "notification to whom nobody vouches for", to: "a@one.example", bounce: true,
			scripts: map[string][]string{"192.0.2.10": {hello + strings.Replace(from, "<me@mox.example>", "<>", 1) + toA + data}},
			want:    "ok", dials: "192.0.2.10", seen: []string{"one.example mx10.example no no"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, tc.scripts)
			r := testRecords()
			r.AllAuthentic = tc.authentic
			s := &security{trusts: tc.trusts}
			d := &Direct{
				LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "mox.example"}}, RootCAs: n.roots, Security: s,
				Dialer: &smtpclient.Dialer{Resolver: r, DialContext: n.dial},
			}
			j := job(t, "x\r\n", tc.to)
			j.Message.RequireTLS = smtp.RequireTLSAlways
			if tc.bounce {
				j.Message.MailFrom = smtp.Path{}
			}
			l := d.Deliver(t.Context(), j)
			if got := outcomes(l); got != tc.want {
				t.Errorf("outcomes %q, want %q; %v", got, tc.want, l[0].Err)
			}
			if got := strings.Join(n.dials(), " "); got != tc.dials {
				t.Errorf("connections to %q, want %q", got, tc.dials)
			}
			if !slices.Equal(s.seen, tc.seen) {
				t.Errorf("seen %q, want %q", s.seen, tc.seen)
			}
		})
	}
}

// What is sent without the need for TLS is seen, too.
func TestDirectSees(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		scripts []string
		seen    []string
	}{
		{"no TLS", []string{hello + from + toA + data}, []string{"one.example mx10.example no no"}},
		{"TLS", []string{withinTLS("", "REQUIRETLS") + from + toA + data}, []string{"one.example mx10.example yes yes"}},
		{"TLS fails", []string{helloTLS + "FAILTLS", strings.Replace(hello, "250 mx.example", "250-mx.example\nS: 250 STARTTLS", 1) + from + toA + data}, []string{
			"one.example mx10.example error unknown", "one.example mx10.example unknown unknown",
		}},
		{"busy", []string{"S: 421 busy"}, []string{"one.example mx10.example unknown unknown"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, map[string][]string{"192.0.2.10": tc.scripts})
			s := &security{}
			d := &Direct{
				LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "mox.example"}}, Security: s,
				Dialer: &smtpclient.Dialer{Resolver: testRecords(), DialContext: n.dial},
			}
			d.Deliver(t.Context(), job(t, "x\r\n", "a@one.example"))
			if !slices.Equal(s.seen, tc.seen) {
				t.Errorf("seen %q, want %q", s.seen, tc.seen)
			}
		})
	}
}

func TestSmarthostRequireTLS(t *testing.T) {
	t.Parallel()
	const required = `
		C: MAIL FROM:<me@mox.example> REQUIRETLS
		S: 250 ok` + toA + data
	for _, tc := range []struct {
		name    string
		mode    smtpclient.TLSMode
		literal bool
		bounce  bool
		scripts []string
		want    string
	}{
		{"verified", smtpclient.TLSVerified, false, false, []string{withinTLS("relay.example", "REQUIRETLS") + required}, "ok"},
		{"opportunistic", smtpclient.TLSOpportunistic, false, false, []string{withinTLS("relay.example", "REQUIRETLS") + required}, "ok"},
		{"opportunistic, certificate of nobody", smtpclient.TLSOpportunistic, false, false, []string{helloTLS + "NOTLS"}, "perm 5.7.10"},
		{"no REQUIRETLS", smtpclient.TLSVerified, false, false, []string{withinTLS("relay.example", "") + quit}, "perm 5.7.30"},
		{"no STARTTLS", smtpclient.TLSOpportunistic, false, false, []string{hello + quit}, "perm 5.7.10"},
		{"certificate is not verified", smtpclient.TLSRequired, false, false, nil, "perm 5.7.10"},
		{"without TLS", smtpclient.TLSNone, false, false, nil, "perm 5.7.10"},
		{"address", smtpclient.TLSOpportunistic, true, false, nil, "perm 5.7.10"},
		{"notification without TLS", smtpclient.TLSNone, false, true, []string{hello + strings.Replace(from, "<me@mox.example>", "<>", 1) + toA + data}, "ok"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, map[string][]string{"192.0.2.10": tc.scripts})
			s := &Smarthost{
				Host: dns.IPDomain{Domain: dns.Domain{ASCII: "relay.example"}}, Port: 25, TLS: tc.mode,
				LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "mox.example"}},
			}
			if tc.literal {
				s.Host = path(t, "x@[192.0.2.10]").IPDomain
			}
			s.TLSConfig = n.tlsConfig()
			s.DialContext = n.dialAt("192.0.2.10")
			j := job(t, "x\r\n", "a@one.example")
			j.Message.RequireTLS = smtp.RequireTLSAlways
			if tc.bounce {
				j.Message.MailFrom = smtp.Path{}
			}
			l := s.Deliver(t.Context(), j)
			if got := outcomes(l); got != tc.want {
				t.Errorf("outcomes %q, want %q; %v", got, tc.want, l[0].Err)
			}
		})
	}
}

// RFC 8689 §4.1.
func TestRequireTLSIsKept(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		said   smtp.RequireTLS
		header string
		want   smtp.RequireTLS
	}{
		{smtp.RequireTLSDefault, "", smtp.RequireTLSDefault},
		{smtp.RequireTLSAlways, "", smtp.RequireTLSAlways},
		{smtp.RequireTLSDefault, "TLS-Required: No\r\n", smtp.RequireTLSNever},
		{smtp.RequireTLSDefault, "tls-required:\r\n no\r\n", smtp.RequireTLSNever},
		{smtp.RequireTLSAlways, "TLS-Required: No\r\n", smtp.RequireTLSAlways},
		{smtp.RequireTLSDefault, "TLS-Required: Yes\r\n", smtp.RequireTLSDefault},
		{smtp.RequireTLSDefault, "TLS-Required: No\r\nTLS-Required: No\r\n", smtp.RequireTLSDefault},
	} {
		q := newQueue(t, t.TempDir(), nil)
		env := pipeline.Envelope{ID: "e1", MailFrom: path(t, "a@local.example"), Received: time.Now(), RequireTLS: tc.said}
		q.submit(env, tc.header+testMessage, q.recipient("x@remote.example"))
		m, err := q.db.MessageByEnvelope(t.Context(), "e1")
		if err != nil || m.RequireTLS != tc.want {
			t.Errorf("%d, %q: %d, %v; want %d", tc.said, tc.header, m.RequireTLS, err, tc.want)
		}
		q.close()
	}
}

// RFC 8689 §5: what a notification tells of a message that requires TLS goes as safely, without its text. RFC 4865 §5.1.2: it
// repeats until when the message was to be held.
func TestNotificationOfRequireTLS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, t.TempDir(), nil)
		q.transport.deliver = func(_ context.Context, j Job) []Outcome {
			if j.Message.MailFrom.IsZero() {
				return same(j, Outcome{Err: errTemporary})
			}
			return same(j, Outcome{Err: insecure("MX", smtp.E5730RequireTLS, errUntrustedMX)})
		}
		q.start()
		defer q.close()
		env := pipeline.Envelope{
			ID: "e1", MailFrom: path(t, "a@sender.example"), Received: time.Now(), RequireTLS: smtp.RequireTLSAlways, Ret: smtp.RetFull,
			SendAt: time.Now().Add(time.Hour), FutureRelease: "for;3600",
		}
		q.submit(env, testMessage, q.recipient("x@remote.example"))
		time.Sleep(time.Hour)
		synctest.Wait()
		l, err := q.List(t.Context(), queuedb.Filter{From: "<>"}, queuedb.Page{})
		if err != nil || len(l) != 1 || l[0].Message.RequireTLS != smtp.RequireTLSAlways {
			t.Fatalf("notification %+v, %v", l, err)
		}
		records := q.transport.records()
		text := records[len(records)-1].text
		wantText(t, text, "Status: 5.7.30", "Future-Release-Request: for;3600", "Arrival-Date: ", "text/rfc822-headers", "Subject: test")
		if strings.Contains(text, "\r\nbody\r\n") {
			t.Errorf("text of the message goes back:\n%s", text)
		}
	})
}
