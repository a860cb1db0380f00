package smtpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mox/dns"
	"mox/internal/memnet"
	"mox/internal/netguard"
	"mox/smtp"
)

func next(s string) dns.IPDomain { return mustPath("x@" + s).IPDomain }

func hostNames(r Route) string {
	var l []string
	for _, h := range r.Hosts {
		l = append(l, h.Name.String())
	}
	return strings.Join(l, " ")
}

func TestLookup(t *testing.T) {
	t.Parallel()
	zone := &dns.MemResolver{
		MX: map[string][]net.MX{
			"one.example":      {{Host: "mx.one.example.", Pref: 10}},
			"order.example":    {{Host: "c.example.", Pref: 30}, {Host: "a.example.", Pref: 10}, {Host: "b.example.", Pref: 20}},
			"null.example":     {{Host: ".", Pref: 0}},
			"oddnull.example":  {{Host: ".", Pref: 10}},
			"nullmore.example": {{Host: ".", Pref: 0}, {Host: "a.example.", Pref: 10}},
			"bad.example":      {{Host: "bad name.example.", Pref: 10}},
			"backup.example":   {{Host: "a.example.", Pref: 10}, {Host: "us.example.", Pref: 20}, {Host: "b.example.", Pref: 20}, {Host: "c.example.", Pref: 30}},
			"ours.example":     {{Host: "us.example.", Pref: 10}, {Host: "a.example.", Pref: 20}},
			"target.example":   {{Host: "a.example.", Pref: 10}},
			"signed.example":   {{Host: "a.example.", Pref: 10}},
		},
		CNAME: map[string]string{
			"alias.example": "alias2.example", "alias2.example": "target.example", "unsigned.example": "signed.example", "safe.example": "signed.example",
			"loop.example": "loop2.example", "loop2.example": "loop.example", "badalias.example": "bad name.example",
		},
		Fail:      []string{"mx fail.example"},
		Authentic: []string{"mx signed.example", "cname safe.example", "mx implicit.example"},
	}
	var many []net.MX
	for i := range 100 {
		many = append(many, net.MX{Host: fmt.Sprintf("mx%d.example.", i), Pref: uint16(i)})
	}
	zone.MX["many.example"] = many
	d := Dialer{Resolver: zone, LocalNames: []dns.Domain{mustDomain("us.example")}}
	for _, tc := range []struct {
		next, hosts   string
		mx, authentic bool
		domain        string // If other than next.

		perm     bool
		enhanced smtp.EnhancedCode
		cause    error
	}{
		{next: "one.example", hosts: "mx.one.example", mx: true},
		{next: "order.example", hosts: "a.example b.example c.example", mx: true},
		{next: "implicit.example", hosts: "implicit.example", authentic: true},
		{next: "alias.example", hosts: "a.example", mx: true, domain: "target.example"},
		{next: "signed.example", hosts: "a.example", mx: true, authentic: true},
		{next: "safe.example", hosts: "a.example", mx: true, authentic: true, domain: "signed.example"},
		{next: "unsigned.example", hosts: "a.example", mx: true, domain: "signed.example"},
		{next: "backup.example", hosts: "a.example", mx: true},
		{next: "many.example", hosts: "mx0.example mx1.example mx2.example mx3.example mx4.example mx5.example mx6.example mx7.example mx8.example mx9.example", mx: true},
		{next: "nullmore.example", hosts: "a.example", mx: true},
		{next: "[192.0.2.1]", hosts: "[192.0.2.1]"},

		{next: "null.example", perm: true, enhanced: "5.1.10", cause: ErrNullMX},
		{next: "oddnull.example", perm: true, enhanced: "5.1.10", cause: ErrNullMX},
		{next: "ours.example", perm: true, enhanced: "5.4.6", cause: ErrLoop},
		{next: "bad.example", perm: true, enhanced: "5.4.4", cause: ErrNoHost},
		{next: "badalias.example", perm: true, enhanced: "5.4.4", cause: ErrNoHost},
		{next: "fail.example", enhanced: "4.4.3"},
		{next: "loop.example", enhanced: "4.4.4", cause: ErrNoHost},
	} {
		r, err := d.Lookup(t.Context(), next(tc.next))
		if tc.hosts == "" {
			e, _ := errors.AsType[*Error](err)
			if e == nil || e.Permanent != tc.perm || e.Enhanced != tc.enhanced || tc.cause != nil && !errors.Is(err, tc.cause) || smtp.IsTemporary(err) == tc.perm {
				t.Errorf("%s: error %v: %+v", tc.next, err, e)
			}
			continue
		}
		if tc.domain == "" && tc.next[0] != '[' {
			tc.domain = tc.next
		}
		if err != nil || hostNames(r) != tc.hosts || r.MX != tc.mx || r.Authentic != tc.authentic || r.Domain.ASCII != tc.domain {
			t.Errorf("%s: %s, %+v, %v", tc.next, hostNames(r), r, err)
		}
	}
}

// Hosts of the same preference share the load (RFC 5321 §5.1).
func TestEqualHostsAreRandom(t *testing.T) {
	t.Parallel()
	d := Dialer{Resolver: &dns.MemResolver{MX: map[string][]net.MX{"a.example": {{Host: "z.example.", Pref: 20}, {Host: "x.example.", Pref: 10}, {Host: "y.example.", Pref: 10}}}}}
	seen := map[string]bool{}
	for range 200 {
		r, err := d.Lookup(t.Context(), next("a.example"))
		if err != nil {
			t.Fatal(err)
		}
		seen[hostNames(r)] = true
	}
	if len(seen) != 2 || !seen["x.example y.example z.example"] || !seen["y.example x.example z.example"] {
		t.Errorf("orders seen: %v", seen)
	}
}

// network dials scripted servers by address, and notes which were dialed.
type network struct {
	t       *testing.T
	scripts map[string][]string // By address without port, one for each connection.

	mu     sync.Mutex
	dialed []string
}

func (n *network) dial(ctx context.Context, netw, addr string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialed = append(n.dialed, addr)
	host, _, _ := net.SplitHostPort(addr)
	if host == "192.0.2.99" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	l := n.scripts[host]
	if len(l) == 0 || netw != "tcp" {
		return nil, &net.OpError{Op: "dial", Net: netw, Err: syscall.ECONNREFUSED}
	}
	n.scripts[host] = l[1:]
	return script(n.t, nil, l[0]), nil
}

const goodServer = `
	S: 220 mx.example
	C: EHLO client.example
	S: 250 mx.example
	C: QUIT
	S: 221 bye`

func TestDialHost(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		a      []string
		aaaa   []string
		fail   []string
		guard  netguard.Guard
		dialed string
		ok     bool

		perm     bool
		command  string
		enhanced smtp.EnhancedCode
		cause    error
	}{
		{name: "first address", a: []string{"192.0.2.1", "192.0.2.2"}, dialed: "192.0.2.1:25", ok: true},
		{name: "second address", a: []string{"192.0.2.7", "192.0.2.2"}, dialed: "192.0.2.7:25 192.0.2.2:25", ok: true},
		{name: "IPv6", aaaa: []string{"2001:db8::1"}, dialed: "[2001:db8::1]:25", ok: true},
		{name: "mapped", aaaa: []string{"::ffff:192.0.2.1"}, dialed: "192.0.2.1:25", ok: true},
		{name: "fault for one family", a: []string{"192.0.2.1"}, fail: []string{"aaaa mx.example"}, dialed: "192.0.2.1:25", ok: true},
		{name: "one private", a: []string{"10.0.0.1", "192.0.2.1"}, dialed: "192.0.2.1:25", ok: true},
		{name: "private allowed", a: []string{"10.0.0.1"}, guard: netguard.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, dialed: "10.0.0.1:25", ok: true},

		{name: "private", a: []string{"10.0.0.1", "127.0.0.1", "169.254.169.254"}, aaaa: []string{"::1", "fe80::1", "::ffff:127.0.0.1"}, perm: true, command: "connect", enhanced: "5.4.4", cause: netguard.ErrNotPublic},
		{name: "our own", a: []string{"192.0.2.1", "192.0.2.50"}, guard: netguard.Guard{Own: []netip.Addr{netip.MustParseAddr("192.0.2.50")}}, perm: true, command: "connect", enhanced: "5.4.6", cause: ErrLoop},
		{name: "no address", perm: true, command: "address", enhanced: "5.4.4", cause: ErrNoHost},
		{name: "fault", fail: []string{"mx.example"}, command: "address", enhanced: "4.4.3"},
		{name: "fault for one family, none of the other", fail: []string{"aaaa mx.example"}, command: "address", enhanced: "4.4.3"},
		{name: "refused", a: []string{"192.0.2.7", "192.0.2.8"}, dialed: "192.0.2.7:25 192.0.2.8:25", command: "connect", enhanced: "4.4.1", cause: syscall.ECONNREFUSED},
		{name: "many addresses", a: strings.Fields(strings.Repeat("192.0.2.7 ", 100)), dialed: strings.TrimSpace(strings.Repeat("192.0.2.7:25 ", 8)), command: "connect", enhanced: "4.4.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := &network{t: t, scripts: map[string][]string{"192.0.2.1": {"EOF"}, "192.0.2.2": {"EOF"}, "2001:db8::1": {"EOF"}, "10.0.0.1": {"EOF"}}}
			zone := &dns.MemResolver{A: map[string][]string{"mx.example": tc.a}, AAAA: map[string][]string{"mx.example": tc.aaaa}, Fail: tc.fail}
			d := Dialer{Resolver: zone, DialContext: n.dial, Guard: tc.guard}
			conn, err := d.DialHost(t.Context(), Host{Name: next("mx.example")})
			if got := strings.Join(n.dialed, " "); got != tc.dialed {
				t.Errorf("dialed %s", got)
			}
			if tc.ok {
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
				return
			}
			wantError(t, err, tc.command, tc.perm, 0, tc.enhanced, tc.cause)
		})
	}
}

func TestDialTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &network{t: t, scripts: map[string][]string{"192.0.2.1": {"EOF"}}}
		d := Dialer{DialContext: n.dial, Port: 2525, Timeout: 7 * time.Second, Resolver: &dns.MemResolver{A: map[string][]string{"mx.example": {"192.0.2.99", "192.0.2.1"}}}}
		start := time.Now()
		conn, err := d.DialHost(t.Context(), Host{Name: next("mx.example")})
		if err != nil || time.Since(start) != 7*time.Second || n.dialed[1] != "192.0.2.1:2525" {
			t.Fatal(err, time.Since(start), n.dialed)
		}
		conn.Close()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = d.DialHost(ctx, Host{Name: next("mx.example")})
		wantError(t, err, "connect", false, 0, "4.4.1", context.DeadlineExceeded)
		if time.Since(start) != 8*time.Second {
			t.Errorf("the end of the context was not noticed")
		}
	})
}

func TestConnect(t *testing.T) {
	t.Parallel()
	const busy = "S: 421 busy\nEOF"
	const refuses = "S: 554 no service\nC: QUIT\nS: 221 bye"
	const breaksTLS = "S: 220 mx.example\nC: EHLO client.example\nS: 250-mx.example\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nFAILTLS"
	for _, tc := range []struct {
		name    string
		next    string
		scripts map[string][]string
		tls     TLSMode
		host    string

		perm     bool
		command  string
		code     int
		enhanced smtp.EnhancedCode
		cause    error
	}{
		{name: "first host", next: "two.example", scripts: map[string][]string{"192.0.2.1": {goodServer}}, host: "a.example"},
		{name: "second host", next: "two.example", scripts: map[string][]string{"192.0.2.1": {busy}, "192.0.2.2": {goodServer}}, host: "b.example"},
		{name: "second host, first has no service", next: "two.example", scripts: map[string][]string{"192.0.2.1": {refuses}, "192.0.2.2": {goodServer}}, host: "b.example"},
		{name: "no MX", next: "a.example", scripts: map[string][]string{"192.0.2.1": {goodServer}}, host: "a.example"},
		{name: "address", next: "[192.0.2.1]", scripts: map[string][]string{"192.0.2.1": {goodServer}}, host: "[192.0.2.1]"},
		{name: "again without TLS", next: "a.example", scripts: map[string][]string{"192.0.2.1": {breaksTLS, goodServer}}, host: "a.example"},

		{name: "not without TLS", next: "a.example", tls: TLSRequired, scripts: map[string][]string{"192.0.2.1": {breaksTLS, goodServer}}, command: "STARTTLS", enhanced: "4.7.5", cause: ErrTLS},
		{name: "all refuse", next: "two.example", scripts: map[string][]string{"192.0.2.1": {refuses}, "192.0.2.2": {refuses}}, perm: true, command: "greeting", code: 554},
		{name: "one refuses, the other is down", next: "two.example", scripts: map[string][]string{"192.0.2.1": {refuses}}, command: "connect", enhanced: "4.4.1"},
		{name: "one is down, the other refuses", next: "two.example", scripts: map[string][]string{"192.0.2.2": {refuses}}, command: "connect", enhanced: "4.4.1"},
		{name: "no host", next: "nothing.example", perm: true, command: "address", enhanced: "5.1.2", cause: ErrNoHost},
		{name: "MX without address", next: "empty.example", perm: true, command: "address", enhanced: "5.4.4", cause: ErrNoHost},
		{name: "null MX", next: "null.example", perm: true, command: "MX", enhanced: "5.1.10", cause: ErrNullMX},
		{name: "we are backup, first is down", next: "backup.example", command: "connect", enhanced: "4.4.1"},
		{name: "loop", next: "us.example", perm: true, command: "connect", enhanced: "5.4.6", cause: ErrLoop},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := &network{t: t, scripts: tc.scripts}
			d := Dialer{
				Resolver: &dns.MemResolver{
					A: map[string][]string{"a.example": {"192.0.2.1"}, "b.example": {"192.0.2.2"}, "us.example": {"192.0.2.50"}, "c.example": {"192.0.2.3"}},
					MX: map[string][]net.MX{
						"two.example":    {{Host: "a.example.", Pref: 10}, {Host: "b.example.", Pref: 20}},
						"empty.example":  {{Host: "nothing.example.", Pref: 10}},
						"null.example":   {{Host: "."}},
						"backup.example": {{Host: "a.example.", Pref: 10}, {Host: "us.example.", Pref: 20}, {Host: "c.example.", Pref: 30}},
					},
				},
				DialContext: n.dial,
				Guard:       netguard.Guard{Own: []netip.Addr{netip.MustParseAddr("192.0.2.50")}},
			}
			opts := options()
			opts.TLS = tc.tls
			c, h, err := d.Connect(t.Context(), next(tc.next), opts)
			if tc.host == "" {
				wantError(t, err, tc.command, tc.perm, tc.code, tc.enhanced, tc.cause)
			} else if err != nil || h.Name.String() != tc.host {
				t.Errorf("host %s, %v", h.Name, err)
			} else {
				c.Close()
			}
			for _, addr := range n.dialed {
				if strings.HasPrefix(addr, "192.0.2.3:") {
					t.Error("a less preferred host than ourselves was tried")
				}
			}
		})
	}
}

func ExampleDialer() {
	mx := memnet.Listen("192.0.2.1:25")
	d := Dialer{
		Resolver: &dns.MemResolver{
			MX: map[string][]net.MX{"example.org": {{Host: "mx.example.org.", Pref: 10}}},
			A:  map[string][]string{"mx.example.org": {"192.0.2.1"}},
		},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return mx.Dial(ctx) },
	}
	go func() {
		conn, _ := mx.Accept()
		io.WriteString(conn, "220 mx.example.org\r\n250 mx.example.org\r\n221 bye\r\n")
		io.Copy(io.Discard, conn)
		conn.Close()
	}()
	opts := Options{LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "client.example"}}}
	c, host, err := d.Connect(context.Background(), dns.IPDomain{Domain: dns.Domain{ASCII: "example.org"}}, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println("connected to", host.Name)
	// Output: connected to mx.example.org
}
