package arc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mox/arc"
	"mox/authres"
	"mox/dkim"
	"mox/pipeline"
)

// Chains of sealers validate, whatever each has found and changed (RFC 8617 §5.1).
func TestSealers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("s", "hop2.example", rsaKey(t, 2048))
	msg := newMail().String()
	status := arc.StatusNone
	for i := 1; i <= arc.MaxSets; i++ {
		d := fmt.Sprintf("hop%d.example", i)
		if i == 3 {
			msg += "-- \r\nthe list\r\n"
		}
		spf := authres.Result{Method: "spf", Result: "pass", Reason: `a "b"`, Props: []authres.Prop{{Type: "smtp", Property: "mailfrom", Value: "sender.example"}}}
		fields, err := sealed(w.sealer(d), msg, status, spf)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if !pipeline.ValidFields([]byte(fields)) {
			t.Fatalf("%d: no valid fields: %q", i, fields)
		}
		for line := range strings.SplitSeq(fields, "\r\n") {
			if len(line) > 80 {
				t.Errorf("%d: line of %d octets: %q", i, len(line), line)
			}
		}
		for k, name := range []string{arc.SealField, arc.SignatureField, arc.ResultsField} {
			rest := strings.Split(fields, "\r\nARC-")[k]
			if !strings.HasPrefix("ARC-"+strings.TrimPrefix(rest, "ARC-"), fmt.Sprintf("%s: i=%d;", name, i)) {
				t.Errorf("%d: field %d is %q", i, k, rest)
			}
		}
		msg = fields + msg
		r := w.verify(msg)
		wantResult(t, d, r, arc.StatusPass, nil)
		if len(r.Sets) != i || r.OldestPass != 0 && i < 3 || r.OldestPass != 3 && i >= 3 {
			t.Errorf("%d: %d sets, oldest-pass %d", i, len(r.Sets), r.OldestPass)
		}
		if got := r.Sets[i-1].Results; got.AuthservID != "mx.example" || len(got.Methods) != 1 || got.Methods[0].Reason != `a "b"` {
			t.Errorf("%d: results %+v", i, got)
		}
		status = r.Status
	}
	if _, err := sealed(w.sealer("hop51.example"), msg, status); !errors.Is(err, arc.ErrFull) {
		t.Errorf("set 51: %v", err)
	}
}

// RFC 8617 §5.1, step 2, §5.1.2; once broken, no chain is continued (§5.1.3).
func TestSealFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changed := w.chain(2)
	changed.body += "x\r\n"
	missing := w.chain(2)
	missing.sets[0][1] = ""
	wrongStatus := newMail()
	w.seal(wrongStatus, hop{cv: "pass"})
	noInstance := newMail()
	noInstance.header += "ARC-Seal: i=x; b=\r\n"
	for _, tt := range []struct {
		name   string
		m      *mail
		status arc.Status // As validation said.
		want   int        // Instance.
	}{
		{"found to fail", changed, arc.StatusFail, 3},
		{"intact but said to fail", w.chain(2), arc.StatusFail, 3},
		{"structure", missing, arc.StatusFail, 3},
		{"structure, said to pass", missing, arc.StatusPass, 3},
		{"status, said to pass", wrongStatus, arc.StatusPass, 2},
		{"no instance", noInstance, arc.StatusFail, 1},
	} {
		fields, err := sealed(w.sealer("last.example"), tt.m.String(), tt.status)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		as := fieldsOf(fields, arc.SealField)[0]
		if !strings.Contains(as, fmt.Sprintf(" i=%d;", tt.want)) || !strings.Contains(as, " cv=fail;") {
			t.Errorf("%s: %q", tt.name, as)
		}
		msg := fields + tt.m.String()
		wantResult(t, tt.name, w.verify(msg), arc.StatusFail, arc.ErrFailedBefore)

		// The seal covers its own set alone: it verifies where there is nothing else.
		seal, err := arc.ParseSeal([]byte(as))
		if err != nil {
			t.Fatal(err)
		}
		unsigned, _, _ := strings.Cut(as, "b=")
		covered := []string{fieldsOf(fields, arc.ResultsField)[0], fieldsOf(fields, arc.SignatureField)[0]}
		again := w.sign(w.key("s", "last.example"), dkim.Relaxed, covered, unsigned+"b=") // Ed25519 always gives the same.
		if want, err := arc.ParseSeal([]byte(again)); err != nil || !slices.Equal(want.Signature, seal.Signature) {
			t.Errorf("%s: seal does not cover its own set alone: %v", tt.name, err)
		}

		if _, err := sealed(w.sealer("next.example"), msg, arc.StatusFail); !errors.Is(err, arc.ErrFailedBefore) {
			t.Errorf("%s: sealed again: %v", tt.name, err)
		}
	}
}

func TestSealRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sealer("hop.example")
	small, err := arc.NewSealer(arc.SealerOptions{Domain: domain(t, "hop.example"), Selector: domain(t, "s"), Key: w.key("s", "hop.example"), MaxHeader: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		s      *arc.Sealer
		msg    string
		status arc.Status
		err    error
	}{
		{"passes without chain", s, newMail().String(), arc.StatusPass, arc.ErrChainStatus},
		{"fails without chain", s, newMail().String(), arc.StatusFail, arc.ErrChainStatus},
		{"none with chain", s, w.chain(1).String(), arc.StatusNone, arc.ErrChainStatus},
		{"status that is none", s, w.chain(1).String(), "temperror", arc.ErrChainStatus},
		{"empty status", s, newMail().String(), "", arc.ErrChainStatus},
		{"line that is no field", s, "what is this\r\n" + newMail().String(), arc.StatusNone, dkim.ErrHeader},
		{"header too large", small, newMail().String(), arc.StatusNone, dkim.ErrHeaderTooLarge},
	} {
		if fields, err := sealed(tt.s, tt.msg, tt.status); !errors.Is(err, tt.err) || fields != "" {
			t.Errorf("%s: got %q, %v", tt.name, fields, err)
		}
	}
}

// RFC 8617 §4.1.2.
func TestSealedFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.chain(1)
	m.header = "Authentication-Results: mx.example; none\r\nDKIM-Signature: v=1; x\r\nDKIM-Signature: v=1; y\r\n" + m.header
	for _, tt := range []struct {
		name               string
		oversigned, signed []string
		want               []string // Among what is covered, in lower case, with repetition.
	}{
		{"default", nil, nil, []string{"from", "from", "to", "to", "subject", "subject", "dkim-signature", "dkim-signature"}},
		{"given", []string{"From"}, []string{"Subject"}, []string{"from", "from", "subject"}},
		{"without From", nil, []string{"Subject", "ARC-Seal", "Authentication-Results", "arc-message-signature"}, []string{"from", "from", "subject"}},
	} {
		s, err := arc.NewSealer(arc.SealerOptions{
			Domain: domain(t, "hop.example"), Selector: domain(t, "s"), Key: w.key("s", "hop.example"), Oversigned: tt.oversigned, Signed: tt.signed, Now: clock,
		})
		if err != nil {
			t.Fatal(err)
		}
		fields, err := sealed(s, m.String(), arc.StatusPass)
		if err != nil {
			t.Fatal(err)
		}
		r := w.verify(fields + m.String())
		wantResult(t, tt.name, r, arc.StatusPass, nil)
		covered := r.Sets[1].Message.SignedFields
		for i := range covered {
			covered[i] = strings.ToLower(covered[i])
		}
		if tt.name != "default" && len(covered) != len(tt.want) {
			t.Errorf("%s: covers %q", tt.name, covered)
		}
		for _, name := range covered {
			if strings.HasPrefix(name, "arc-") || name == "authentication-results" {
				t.Errorf("%s: covers %s", tt.name, name)
			}
		}
		for _, name := range tt.want {
			i := slices.Index(covered, name)
			if i < 0 {
				t.Errorf("%s: does not cover %s often enough", tt.name, name)
				continue
			}
			covered = slices.Delete(covered, i, i+1)
		}
	}
}

// Messages that are odd, but that others send.
func TestSealOddMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sealer("hop.example")
	for _, msg := range []string{
		"From: a@b.example\r\n\r\n",
		"From: a@b.example\r\n",
		"From: a@b.example",
		"Subject: no From\r\n\r\nbody\r\n",
		"\r\nbody\r\n",
		"From: a@b.example\r\nFrom: c@d.example\r\n\r\nbody without line end",
		"From: ü@münchen.example\r\n\r\n\r\n\r\n",
	} {
		fields, err := sealed(s, msg, arc.StatusNone)
		if err != nil {
			t.Errorf("%q: %v", msg, err)
			continue
		}
		wantResult(t, fmt.Sprintf("%q", msg), w.verify(fields+msg), arc.StatusPass, nil)
	}
}

func TestNewSealerRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.key("s", "hop.example")
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := arc.SealerOptions{Domain: domain(t, "hop.example"), Selector: domain(t, "s"), Key: key}
	if _, err := arc.NewSealer(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(o *arc.SealerOptions){
		"no key":               func(o *arc.SealerOptions) { o.Key = nil },
		"key of another kind":  func(o *arc.SealerOptions) { o.Key = crypto.Signer(ec) },
		"no domain":            func(o *arc.SealerOptions) { o.Domain.ASCII = "" },
		"domain of one label":  func(o *arc.SealerOptions) { o.Domain = domain(t, "example") },
		"no selector":          func(o *arc.SealerOptions) { o.Selector.ASCII = "" },
		"no name of a field":   func(o *arc.SealerOptions) { o.Signed = []string{"From", "a b"} },
		"semicolon in a field": func(o *arc.SealerOptions) { o.Oversigned = []string{"From", "a;b"} },
	} {
		o := good
		change(&o)
		if _, err := arc.NewSealer(o); !errors.Is(err, arc.ErrSealer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
