package dns

import (
	"testing"
	"time"

	mdns "github.com/miekg/dns"
)

// message returns the wire form of an answer to a question for TXT of example.org, and of
// the question.
func message(t testing.TB, change func(*mdns.Msg)) (query, answer []byte) {
	t.Helper()
	q := new(mdns.Msg).SetQuestion("example.org.", mdns.TypeTXT)
	q.Id = 1
	q.AuthenticatedData = true
	query, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	a := new(mdns.Msg).SetReply(q)
	a.AuthenticatedData = true
	change(a)
	if answer, err = a.Pack(); err != nil {
		t.Fatal(err)
	}
	return query, answer
}

func rr(t testing.TB, s string) mdns.RR {
	t.Helper()
	r, err := mdns.NewRR(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTraceTTL(t *testing.T) {
	t.Parallel()
	const soa = "example.org. 600 IN SOA ns.example.org. h.example.org. 1 2 3 4 "
	for _, tc := range []struct {
		name        string
		answer, ns  []string
		rcode       int
		want        time.Duration
		notAnAnswer bool
	}{
		{name: "one record", answer: []string{"example.org. 300 IN TXT x"}, want: 5 * time.Minute},
		{name: "lowest", answer: []string{"example.org. 300 IN TXT x", "example.org. 60 IN TXT y"}, want: time.Minute},
		{name: "alias", answer: []string{"example.org. 30 IN CNAME a.example.org.", "a.example.org. 300 IN TXT x"}, want: 30 * time.Second},
		{name: "zero", answer: []string{"example.org. 0 IN TXT x"}, want: -1},
		{name: "too large", answer: []string{"example.org. 2147483648 IN TXT x"}, want: -1}, // RFC 2181 §8.
		{name: "negative, minimum", ns: []string{soa + "120"}, want: 2 * time.Minute},
		{name: "negative, TTL of SOA", ns: []string{"example.org. 60 IN NS ns.example.org.", soa + "900"}, rcode: mdns.RcodeNameError, want: 10 * time.Minute},
		{name: "negative, alias", answer: []string{"example.org. 30 IN CNAME a.example.org."}, ns: []string{soa + "120"}, want: 30 * time.Second},
		{name: "negative, no SOA", answer: []string{"example.org. 30 IN CNAME a.example.org."}, want: 0},
		{name: "failure", rcode: mdns.RcodeServerFailure, notAnAnswer: true},
	} {
		query, answer := message(t, func(m *mdns.Msg) {
			m.Rcode = tc.rcode
			for _, s := range tc.answer {
				m.Answer = append(m.Answer, rr(t, s))
			}
			for _, s := range tc.ns {
				m.Ns = append(m.Ns, rr(t, s))
			}
		})
		tr := &trace{}
		c := tracedConn{t: tr}
		c.sending(query)
		c.received(answer)
		if got, want := tr.result("TXT"), (Result{Authentic: !tc.notAnAnswer, TTL: tc.want}); got != want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, want)
		}
	}
}

func FuzzTrace(f *testing.F) {
	query, answer := message(f, func(m *mdns.Msg) {
		m.Answer = append(m.Answer, rr(f, "example.org. 30 IN CNAME a.example.org."))
		m.Ns = append(m.Ns, rr(f, "example.org. 600 IN SOA ns.example.org. h.example.org. 1 2 3 4 5"))
	})
	f.Add(answer)
	f.Add(answer[:20])
	f.Fuzz(func(t *testing.T, answer []byte) {
		tr := &trace{}
		c := tracedConn{t: tr}
		c.sending(query)
		c.received(answer)
		if r := tr.result("TXT"); r.Authentic && (len(answer) < headerLen || answer[3]&flagAD == 0) {
			t.Fatalf("authentic without the bit: %x", answer)
		}
	})
}
