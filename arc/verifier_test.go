package arc_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"

	"mox/arc"
	"mox/authres"
	"mox/dkim"
)

// wantResult compares a result with a status and the error that it wraps.
func wantResult(t *testing.T, name string, r arc.Result, status arc.Status, err error) {
	t.Helper()
	if r.Status != status || (err == nil) != (r.Err == nil) || err != nil && !errors.Is(r.Err, err) {
		t.Errorf("%s: got %s, %v; want %s, %v", name, r.Status, r.Err, status, err)
	}
}

// RFC 8617 §5.2, steps 1 and 7.
func TestChains(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantResult(t, "no chain", w.verify(newMail().String()), arc.StatusNone, nil)
	wantResult(t, "empty message", w.verify(""), arc.StatusNone, nil)
	wantResult(t, "chain in the body", w.verify("Subject: x\r\n\r\n"+w.chain(1).String()), arc.StatusNone, nil)
	for _, n := range []int{1, 2, 3, 10, 50} {
		r := w.verify(w.chain(n).String())
		wantResult(t, fmt.Sprint(n), r, arc.StatusPass, nil)
		if len(r.Sets) != n || r.OldestPass != 0 {
			t.Errorf("%d sets: got %d, oldest-pass %d", n, len(r.Sets), r.OldestPass)
		}
		for i, s := range r.Sets {
			want := fmt.Sprintf("hop%d.example", i+1)
			if s.Instance != i+1 || s.Seal.Domain.ASCII != want || s.Message.Domain.ASCII != want || s.Results.AuthservID != want ||
				s.SealErr != nil || s.MessageErr != nil || s.ResultsErr != nil || !s.Seal.Time.Equal(now) {
				t.Errorf("set %d: %+v", i+1, s)
			}
		}
	}
}

// RFC 8617 §5.2, step 5.
func TestOldestPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name    string
		changes map[int]func(m *mail) // Before the hop seals.
		want    int
		failed  int // The message signature that does not verify.
		err     error
	}{
		{"body changed by 2", map[int]func(m *mail){2: func(m *mail) { m.body += "-- \r\nthe list\r\n" }}, 2, 1, dkim.ErrBodyHash},
		{"subject changed by 3", map[int]func(m *mail){3: func(m *mail) { m.header = strings.Replace(m.header, "hello", "[list] hello", 1) }}, 3, 2, dkim.ErrSignature},
		{"changed by 2 and 4", map[int]func(m *mail){2: func(m *mail) { m.body += "x\r\n" }, 4: func(m *mail) { m.body += "y\r\n" }}, 4, 3, dkim.ErrBodyHash},
		{"fields added that are not signed", map[int]func(m *mail){3: func(m *mail) { m.header = "X-List: yes\r\nReceived: x\r\n" + m.header }}, 0, 0, nil},
	} {
		m := newMail()
		for i := 1; i <= 4; i++ {
			if f := tt.changes[i]; f != nil {
				f(m)
			}
			w.seal(m, hop{})
		}
		r := w.verify(m.String())
		wantResult(t, tt.name, r, arc.StatusPass, nil)
		if r.OldestPass != tt.want {
			t.Errorf("%s: oldest-pass %d, want %d", tt.name, r.OldestPass, tt.want)
		}
		for _, s := range r.Sets {
			var want error
			switch {
			case s.Instance == tt.failed:
				want = tt.err
			case s.Instance < tt.failed:
				want = arc.ErrNotChecked
			}
			if want == nil && s.MessageErr != nil || !errors.Is(s.MessageErr, want) || s.SealErr != nil {
				t.Errorf("%s: set %d has %v, %v; want %v", tt.name, s.Instance, s.MessageErr, s.SealErr, want)
			}
		}
	}
}

// Whatever is changed on the way without a new seal is found (RFC 8617 §5.2, steps 4 and 6).
func TestTampering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intact := w.chain(3)
	edit := func(instance, kind int, old, new string) func(m *mail) {
		return func(m *mail) { m.sets[instance-1][kind] = replace(old, new)(m.sets[instance-1][kind]) }
	}
	const aar, ams, as = 0, 1, 2
	for _, tt := range []struct {
		name   string
		change func(m *mail)
		err    error // Nil: does not matter.
		field  string
	}{
		{"nothing", func(m *mail) {}, nil, ""},
		{"body", func(m *mail) { m.body += "x\r\n" }, dkim.ErrBodyHash, "ARC-Message-Signature 3"},
		{"signed field", func(m *mail) { m.header = strings.Replace(m.header, "hello", "bye", 1) }, dkim.ErrSignature, "ARC-Message-Signature 3"},
		{"second From", func(m *mail) { m.header = "From: c@evil.example\r\n" + m.header }, dkim.ErrNotAllSigned, "ARC-Message-Signature 3"},
		{"field not signed", func(m *mail) { m.header += "X-New: x\r\n" }, nil, ""},
		{"line that is no field", func(m *mail) { m.header += "what is this\r\n" }, dkim.ErrHeader, ""},

		{"results of 1", edit(1, aar, "spf=pass", "spf=fail"), dkim.ErrSignature, "ARC-Seal 3"},
		{"results of 2", edit(2, aar, "spf=pass", "spf=fail"), dkim.ErrSignature, "ARC-Seal 3"},
		{"results of 3", edit(3, aar, "spf=pass", "spf=fail"), dkim.ErrSignature, "ARC-Seal 3"},
		{"message signature of 1", edit(1, ams, "t=17", "t=16"), dkim.ErrSignature, "ARC-Seal 3"},
		{"message signature of 2", edit(2, ams, "t=17", "t=16"), dkim.ErrSignature, "ARC-Seal 3"},
		{"message signature of 3", edit(3, ams, "t=17", "t=16"), dkim.ErrSignature, "ARC-Message-Signature 3"},
		{"signed fields of 3", edit(3, ams, ":message-id", ""), dkim.ErrSignature, "ARC-Message-Signature 3"},
		{"seal of 1", edit(1, as, "t=17", "t=16"), dkim.ErrSignature, "ARC-Seal 3"},
		{"seal of 2", edit(2, as, "t=17", "t=16"), dkim.ErrSignature, "ARC-Seal 3"},
		{"seal of 3", edit(3, as, "t=17", "t=16"), dkim.ErrSignature, "ARC-Seal 3"},
		{"domain of seal 3", edit(3, as, "hop3.", "hop2."), dkim.ErrSignature, "ARC-Seal 3"},
		{"signature of seal 3 taken from 2", func(m *mail) {
			_, b2, _ := strings.Cut(m.sets[1][as], "b=")
			before, _, _ := strings.Cut(m.sets[2][as], "b=")
			m.sets[2][as] = before + "b=" + b2
		}, dkim.ErrSignature, "ARC-Seal 3"},

		// Relaxed canonicalization forgives these (RFC 6376 §3.4.2).
		{"case of names and spaces", func(m *mail) {
			for i := range m.sets {
				for k, f := range m.sets[i] {
					name, value, _ := strings.Cut(f, ":")
					m.sets[i][k] = strings.ToUpper(name) + " : \r\n " + strings.ReplaceAll(value, "; ", ";\r\n\t  ")
				}
			}
		}, nil, ""},
		{"folding", func(m *mail) {
			for i := range m.sets {
				for k, f := range m.sets[i] {
					m.sets[i][k] = strings.ReplaceAll(f, " ", "\r\n \t ")
				}
			}
		}, nil, ""},

		{"first set removed", func(m *mail) { m.sets = m.sets[1:] }, arc.ErrStructure, ""},
		{"second set removed", func(m *mail) { m.sets = append(m.sets[:1:1], m.sets[2]) }, arc.ErrStructure, ""},
		{"last set removed", func(m *mail) { m.sets = m.sets[:2] }, nil, ""}, // The chain up to there is valid.
		{"sets in another order", func(m *mail) { m.sets[0], m.sets[2] = m.sets[2], m.sets[0] }, nil, ""},
		{"fields in another order", func(m *mail) {
			s := &m.sets[1]
			s[0], s[2] = s[2], s[0]
		}, nil, ""},
	} {
		m := intact.clone()
		tt.change(m)
		r := w.verify(m.String())
		if tt.err == nil {
			wantResult(t, tt.name, r, arc.StatusPass, nil)
			continue
		}
		wantResult(t, tt.name, r, arc.StatusFail, tt.err)
		if r.Err != nil && !strings.HasPrefix(r.Err.Error(), tt.field) {
			t.Errorf("%s: error %q, want of %q", tt.name, r.Err, tt.field)
		}
	}
}

// An older seal counts, also where all newer ones are right (RFC 8617 §5.2, step 6).
func TestOlderSealFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for bad := 1; bad <= 3; bad++ {
		m := newMail()
		for i := 1; i <= 3; i++ {
			w.seal(m, hop{})
			if i == bad {
				before, _, _ := strings.Cut(m.sets[i-1][2], "b=")
				m.sets[i-1][2] = before + "b=" + strings.Repeat("A", 86) + "==\r\n"
			}
		}
		r := w.verify(m.String())
		wantResult(t, fmt.Sprint(bad), r, arc.StatusFail, dkim.ErrSignature)
		for _, s := range r.Sets {
			switch {
			case s.Instance == bad && !errors.Is(s.SealErr, dkim.ErrSignature),
				s.Instance > bad && s.SealErr != nil,
				s.Instance < bad && !errors.Is(s.SealErr, arc.ErrNotChecked):
				t.Errorf("seal %d is bad: seal %d has %v", bad, s.Instance, s.SealErr)
			}
		}
		if r.OldestPass != 0 {
			t.Errorf("oldest-pass %d of a failed chain", r.OldestPass)
		}
	}
}

// RFC 8617 §4.2, §4.2.1, §5.2, steps 1, 3A and 3B.
func TestStructure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const aar, ams, as = 0, 1, 2
	drop := func(instance, kind int) func(m *mail) {
		return func(m *mail) { m.sets[instance-1][kind] = "" }
	}
	double := func(instance, kind int) func(m *mail) {
		return func(m *mail) { m.sets[instance-1][kind] += m.sets[instance-1][kind] }
	}
	edit := func(instance, kind int, old, new string) func(m *mail) {
		return func(m *mail) { m.sets[instance-1][kind] = replace(old, new)(m.sets[instance-1][kind]) }
	}
	type row struct {
		name   string
		change func(m *mail)
		err    error
	}
	rows := []row{
		{"only results", func(m *mail) { m.sets = [][3]string{{m.sets[0][aar]}} }, arc.ErrStructure},
		{"only a message signature", func(m *mail) { m.sets = [][3]string{{m.sets[0][ams]}} }, arc.ErrStructure},
		{"only a seal", func(m *mail) { m.sets = [][3]string{{m.sets[0][as]}} }, arc.ErrStructure},
		{"set at 0", func(m *mail) {
			for k, f := range m.sets[0] {
				m.sets[0][k] = strings.Replace(f, "i=1", "i=0", 1)
			}
		}, arc.ErrInstance},
		{"set at 51", func(m *mail) {
			for _, f := range m.sets[0] {
				m.header += strings.Replace(f, "i=1", "i=51", 1)
			}
		}, arc.ErrInstance},
		{"set at 50", func(m *mail) {
			for _, f := range m.sets[0] {
				m.header += strings.Replace(f, "i=1", "i=50", 1)
			}
		}, arc.ErrStructure},
		{"field with nothing", func(m *mail) { m.header += "ARC-Seal:\r\n" }, dkim.ErrSyntax},
		{"lone field above a chain", func(m *mail) { m.header = "ARC-Authentication-Results: i=3; x; none\r\n" + m.header }, arc.ErrStructure},
	}
	for i := 1; i <= 2; i++ {
		for k, name := range []string{"results", "message signature", "seal"} {
			position := fmt.Sprintf("i=%d", i)
			rows = append(rows,
				row{fmt.Sprintf("%s %d missing", name, i), drop(i, k), arc.ErrStructure},
				row{fmt.Sprintf("%s %d twice", name, i), double(i, k), arc.ErrStructure},
				row{fmt.Sprintf("%s %d is of set 3", name, i), edit(i, k, position, "i=3"), arc.ErrStructure},
				row{fmt.Sprintf("%s %d with i=0", name, i), edit(i, k, position, "i=0"), arc.ErrInstance},
				row{fmt.Sprintf("%s %d with i=51", name, i), edit(i, k, position, "i=51"), arc.ErrInstance},
				row{fmt.Sprintf("%s %d with i=100", name, i), edit(i, k, position, "i=100"), arc.ErrInstance},
				row{fmt.Sprintf("%s %d with i=-1", name, i), edit(i, k, position, "i=-1"), arc.ErrInstance},
				row{fmt.Sprintf("%s %d with i=x", name, i), edit(i, k, position, "i=x"), arc.ErrInstance},
				row{fmt.Sprintf("%s %d with empty i", name, i), edit(i, k, position, "i="), arc.ErrInstance},
				row{fmt.Sprintf("%s %d with I", name, i), edit(i, k, position, "I=1"), arc.ErrInstance},
				row{fmt.Sprintf("%s %d without i", name, i), edit(i, k, position+";", ""), arc.ErrInstance},
				row{fmt.Sprintf("%s %d with two numbers", name, i), edit(i, k, position, position+" 1"), arc.ErrInstance},
			)
		}
	}
	for _, tt := range rows {
		m := w.chain(2)
		tt.change(m)
		r := w.verify(m.String())
		if tt.err == arc.ErrInstance && errors.Is(r.Err, dkim.ErrSyntax) {
			tt.err = dkim.ErrSyntax // A tag list that is none has no instance.
		}
		wantResult(t, tt.name, r, arc.StatusFail, tt.err)
		if r.Sets != nil {
			t.Errorf("%s: %d sets", tt.name, len(r.Sets))
		}
	}
	if n := len(w.resolver.TXT); n != 4 {
		t.Fatalf("%d keys", n)
	}
	for name := range w.resolver.TXT {
		if n := w.resolver.Calls(name); n != 0 {
			t.Errorf("%d lookups of %s", n, name)
		}
	}
}

// RFC 8617 §3.9, §4.1.
func TestInstanceForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, form := range []string{
		" i=1;", "i=1;", " i = 1 ;", " i=01;", "\r\n\ti=\r\n 1\r\n\t;", " (a;b) i (c(d)\\)) = (e\r\n f) 1 (g) ;",
	} {
		m := newMail()
		change := func(s string) string {
			name, value, _ := strings.Cut(s, ":")
			_, rest, _ := strings.Cut(value, ";")
			return name + ":" + form + rest
		}
		if strings.Contains(form, "(") {
			m = w.commented(form) // The other helper cannot read tag lists with comments.
		} else {
			w.seal(m, hop{aar: change, ams: change, as: change})
		}
		wantResult(t, fmt.Sprintf("%q", form), w.verify(m.String()), arc.StatusPass, nil)
	}
	for _, form := range []string{" (i=1;", " i=1", " j=1;", " i(1);", " i==1;", " \"i\"=1;"} {
		m := w.chain(1)
		_, rest, _ := strings.Cut(m.sets[0][0], ";")
		m.sets[0][0] = "ARC-Authentication-Results:" + form
		if strings.HasSuffix(form, ";") {
			m.sets[0][0] += rest
		} else {
			m.sets[0][0] += "\r\n"
		}
		wantResult(t, fmt.Sprintf("%q", form), w.verify(m.String()), arc.StatusFail, arc.ErrInstance)
	}
}

// commented returns a message with one set whose instances are written with comments.
func (w *world) commented(form string) *mail {
	m := newMail()
	w.seal(m, hop{})
	s := &m.sets[0]
	for k, f := range s {
		name, value, _ := strings.Cut(f, ":")
		_, rest, _ := strings.Cut(value, ";")
		if k > 0 {
			rest = rest[:strings.LastIndex(rest, "b=")+2]
		}
		s[k] = name + ":" + form + rest
	}
	var covered []string
	for _, name := range []string{"from", "to", "subject", "message-id"} {
		covered = append(covered, fieldsOf(m.header, name)[0]+"\r\n")
	}
	s[1] = w.sign(w.key("ams", "hop1.example"), dkim.Relaxed, covered, s[1])
	s[2] = w.sign(w.key("as", "hop1.example"), dkim.Relaxed, []string{s[0], s[1]}, s[2])
	return m
}

// RFC 8617 §4.4, §5.2, steps 2 and 3C.
func TestChainStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		cvs    string
		status arc.Status
		err    error
	}{
		{"none", arc.StatusPass, nil},
		{"NONE", arc.StatusPass, nil},
		{"none pass", arc.StatusPass, nil},
		{"none Pass pass", arc.StatusPass, nil},

		{"pass", arc.StatusFail, arc.ErrChainStatus},
		{"fail", arc.StatusFail, arc.ErrFailedBefore},
		{"Fail", arc.StatusFail, arc.ErrFailedBefore},
		{"other", arc.StatusFail, arc.ErrChainStatus},
		{"passs", arc.StatusFail, arc.ErrChainStatus},
		{"pass pass", arc.StatusFail, arc.ErrChainStatus},
		{"none none", arc.StatusFail, arc.ErrChainStatus},
		{"none fail", arc.StatusFail, arc.ErrFailedBefore},
		{"none none fail", arc.StatusFail, arc.ErrFailedBefore},
		{"none fail pass", arc.StatusFail, arc.ErrChainStatus},
		{"fail pass", arc.StatusFail, arc.ErrChainStatus},
		{"none none pass", arc.StatusFail, arc.ErrChainStatus},
		{"pass pass pass", arc.StatusFail, arc.ErrChainStatus},
	} {
		m := newMail()
		for cv := range strings.FieldsSeq(tt.cvs) {
			w.seal(m, hop{cv: cv})
		}
		wantResult(t, tt.cvs, w.verify(m.String()), tt.status, tt.err)
	}

	// The last seal counts even if nothing else is right.
	m := newMail()
	w.seal(m, hop{instance: 7, cv: "fail", onlyOwnSigned: true})
	wantResult(t, "a failed set alone", w.verify(m.String()), arc.StatusFail, arc.ErrFailedBefore)
}

// RFC 8617 §4.1.2.
func TestMessageSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		ams  func(string) string
		err  error
	}{
		{"simple/simple", replace("c=relaxed/relaxed", "c=simple/simple"), nil},
		{"simple/relaxed", replace("c=relaxed/relaxed", "c=simple/relaxed"), nil},
		{"relaxed/simple", replace("c=relaxed/relaxed", "c=relaxed/simple"), nil},
		{"relaxed", replace("c=relaxed/relaxed", "c=relaxed"), nil},
		{"no c=", replace("c=relaxed/relaxed; ", ""), nil},
		{"v= is ignored", replace("; a=", "; v=7; a="), nil},
		{"unknown tag", replace("; a=", "; zz=7; a="), nil},
		{"i= is not the first", replace("i=1; a=ed25519-sha256;", "a=ed25519-sha256; i=1;"), nil},
		{"no t=", replace("t=1700000000; ", ""), nil},
		{"x= to come", replace("; h=", "; x=1700000001; h="), nil},
		{"l= of the whole body", replace("; h=", "; l=31; h="), nil},
		{"l= of some", replace("; h=", "; l=5; h="), nil},
		{"fields that are not there", replace("h=from", "h=x-none:from:from"), nil},
		{"Authentication-Results covered", replace("h=from", "h=authentication-results:from"), nil}, // Only fragile.
		{"white space", replace("h=from:to:subject", "h = from\r\n\t : to : subject"), nil},

		{"h= with a seal", replace("h=from", "h=arc-seal:from"), arc.ErrSignedFields},
		{"h= with a message signature", replace("h=from", "h=ARC-Message-Signature:from"), arc.ErrSignedFields},
		{"h= with results", replace("h=from", "h=arc-authentication-results:from"), arc.ErrSignedFields},
		{"h= without From", replace("h=from:", "h="), dkim.ErrFromNotSigned},
		{"h= empty", replace("h=from:to:subject:message-id", "h="), dkim.ErrSyntax},
		{"no h=", replace("h=from:to:subject:message-id;", ""), dkim.ErrMissingTag},
		{"no a=", replace("a=ed25519-sha256;", ""), dkim.ErrMissingTag},
		{"unknown a=", replace("ed25519-sha256", "ed25519-sha3"), dkim.ErrAlgorithm},
		{"rsa-sha1", replace("ed25519-sha256", "rsa-sha1"), dkim.ErrSHA1},
		{"another a=", replace("ed25519-sha256", "rsa-sha256"), dkim.ErrKeyAlgorithm},
		{"no bh=", replace("bh=BH; ", ""), dkim.ErrMissingTag},
		{"wrong bh=", replace("bh=BH", "bh="+strings.Repeat("A", 43)+"="), dkim.ErrBodyHash},
		{"broken bh=", replace("bh=BH", "bh=*"), dkim.ErrSyntax},
		{"unknown c=", replace("c=relaxed/relaxed", "c=relaxed/none"), dkim.ErrCanonicalization},
		{"no d=", replace("d=hop1.example;", ""), dkim.ErrMissingTag},
		{"d= without key", replace("d=hop1.example;", "d=other.example;"), dkim.ErrNoKey},
		{"no s=", replace("s=ams; ", ""), dkim.ErrMissingTag},
		{"s= without key", replace("s=ams;", "s=none;"), dkim.ErrNoKey},
		{"s= of another key", replace("s=ams;", "s=as;"), dkim.ErrSignature},
		{"tag twice", replace("s=ams;", "s=ams; s=ams;"), dkim.ErrSyntax},
		{"tag twice in another place", replace("b=", "i=1; b="), dkim.ErrSyntax},
		{"x= before t=", replace("; h=", "; x=1699999999; h="), dkim.ErrSyntax},
		{"x= passed", replace("t=1700000000", "t=1600000000; x=1699999999"), dkim.ErrExpired},
		{"q= unknown", replace("; h=", "; q=dns/new; h="), dkim.ErrQuery},
	} {
		m := newMail()
		if tt.name == "unknown c=" {
			// The helper needs one it knows.
			w.seal(m, hop{})
			m.sets[0][1] = tt.ams(m.sets[0][1])
		} else {
			w.seal(m, hop{ams: tt.ams})
		}
		if tt.err == nil {
			wantResult(t, tt.name, w.verify(m.String()), arc.StatusPass, nil)
		} else {
			wantResult(t, tt.name, w.verify(m.String()), arc.StatusFail, tt.err)
		}
	}

	m := newMail()
	w.seal(m, hop{ams: replace("; h=", "; l=5; h=")})
	m.body += "added\r\n"
	wantResult(t, "behind l=", w.verify(m.String()), arc.StatusPass, nil)
	wantResult(t, "behind l=, refused", w.verifyWith(m.String(), arc.Options{RefuseUnsignedBody: true}), arc.StatusFail, dkim.ErrUnsignedBody)
	m.body = "H"
	wantResult(t, "shorter than l=", w.verify(m.String()), arc.StatusFail, dkim.ErrBodyLength)

	// A message signature of an older set that cannot be read is one that does not verify.
	m = newMail()
	w.seal(m, hop{ams: replace("bh=BH; ", "")})
	w.seal(m, hop{})
	r := w.verify(m.String())
	wantResult(t, "older one without bh=", r, arc.StatusPass, nil)
	if r.OldestPass != 2 || r.Sets[0].Message != nil || !errors.Is(r.Sets[0].MessageErr, dkim.ErrMissingTag) {
		t.Errorf("oldest-pass %d, %+v", r.OldestPass, r.Sets[0])
	}
}

// RFC 8617 §4.1.3.
func TestSeal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		as   func(string) string
		err  error
	}{
		{"no t=", replace("t=1700000000;", ""), nil},
		{"unknown tags", replace("; s=as", "; s=as; zz=1; bh=x; c=simple"), nil},
		{"i= is not the first", replace("i=1; a=ed25519-sha256;", "a=ed25519-sha256; i=1;"), nil},
		{"white space", replace("cv=none; d=hop1.example", "cv\r\n\t=\r\n\tnone ;d = hop1.example "), nil},
		{"capitals", replace("ed25519-sha256; cv=none", "Ed25519-SHA256; cv=None"), nil},

		{"h=", replace("; s=as", "; s=as; h=from"), arc.ErrSealHeader},
		{"empty h=", replace("; s=as", "; s=as; h="), arc.ErrSealHeader},
		{"no a=", replace("a=ed25519-sha256; ", ""), dkim.ErrMissingTag},
		{"unknown a=", replace("ed25519-sha256", "ed25519-sha3"), dkim.ErrAlgorithm},
		{"rsa-sha1", replace("ed25519-sha256", "rsa-sha1"), dkim.ErrSHA1},
		{"another a=", replace("ed25519-sha256", "rsa-sha256"), dkim.ErrKeyAlgorithm},
		{"no cv=", replace("cv=none; ", ""), dkim.ErrMissingTag},
		{"empty cv=", replace("cv=none; ", "cv=; "), arc.ErrChainStatus},
		{"CV=", replace("cv=none; ", "CV=none; "), dkim.ErrMissingTag},
		{"no d=", replace("d=hop1.example; ", ""), dkim.ErrMissingTag},
		{"empty d=", replace("d=hop1.example; ", "d=; "), dkim.ErrSyntax},
		{"d= without key", replace("d=hop1.example; ", "d=other.example; "), dkim.ErrNoKey},
		{"no s=", replace("s=as; ", ""), dkim.ErrMissingTag},
		{"s= without key", replace("s=as; ", "s=none; "), dkim.ErrNoKey},
		{"s= of another key", replace("s=as; ", "s=ams; "), dkim.ErrSignature},
		{"broken t=", replace("t=1700000000", "t=now"), dkim.ErrSyntax},
		{"negative t=", replace("t=1700000000", "t=-1"), dkim.ErrSyntax},
		{"tag twice", replace("s=as; ", "s=as; s=as; "), dkim.ErrSyntax},
		{"no b=", replace("b=", "zz="), dkim.ErrMissingTag},
		{"empty tag", replace("s=as; ", "s=as; ; "), dkim.ErrSyntax},
	} {
		m := newMail()
		w.seal(m, hop{as: tt.as})
		if tt.err == nil {
			wantResult(t, tt.name, w.verify(m.String()), arc.StatusPass, nil)
		} else {
			wantResult(t, tt.name, w.verify(m.String()), arc.StatusFail, tt.err)
		}
	}
	for _, b := range []string{"", "*", "AAAA"} {
		m := w.chain(1)
		before, _, _ := strings.Cut(m.sets[0][2], "b=")
		m.sets[0][2] = before + "b=" + b + "\r\n"
		if r := w.verify(m.String()); r.Status != arc.StatusFail {
			t.Errorf("b=%s: %s", b, r.Status)
		}
	}

	// White space in b= does not matter (RFC 6376 §3.5).
	m := w.chain(1)
	before, b, _ := strings.Cut(m.sets[0][2], "b=")
	m.sets[0][2] = before + "b= \r\n\t" + b[:10] + " \r\n\t " + strings.TrimSpace(b[10:]) + " \r\n"
	wantResult(t, "spaces in b=", w.verify(m.String()), arc.StatusPass, nil)
}

// The seal of a set covers all sets before it, not only its own (RFC 8617 §5.1.1).
func TestSealScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.chain(1)
	w.seal(m, hop{onlyOwnSigned: true})
	wantResult(t, "only its own set", w.verify(m.String()), arc.StatusFail, dkim.ErrSignature)
}

// RFC 8617 §3.4, §4.1.1.
func TestResultsOfSets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := newMail()
	w.seal(m, hop{aar: func(string) string {
		return "ARC-Authentication-Results: i=1; mx.example 1 (c);\r\n\tdkim=pass (ok; i=2) header.d=sender.example\r\n"
	}})
	w.seal(m, hop{aar: func(string) string { return "ARC-Authentication-Results: i=2; ][ what is this\r\n" }})
	r := w.verify(m.String())
	wantResult(t, "results", r, arc.StatusPass, nil)
	want := authres.Results{AuthservID: "mx.example", Version: 1, Methods: []authres.Result{
		{Method: "dkim", Result: "pass", Props: []authres.Prop{{Type: "header", Property: "d", Value: "sender.example"}}}}}
	if got := r.Sets[0].Results; !reflect.DeepEqual(got, want) || r.Sets[0].ResultsErr != nil {
		t.Errorf("got %+v, %v", got, r.Sets[0].ResultsErr)
	}
	if err := r.Sets[1].ResultsErr; !errors.Is(err, authres.ErrSyntax) {
		t.Errorf("got %v for results that are none", err)
	}
}

// In internationalized messages domains can be U-labels, and results UTF-8 (RFC 8617 §4.1.4).
func TestInternationalized(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	aar := func(string) string {
		return "ARC-Authentication-Results: i=1; münchen.example; spf=pass smtp.mailfrom=ü@münchen.example\r\n"
	}
	for _, tt := range []struct {
		name string
		h    hop
		err  error
	}{
		{"U-labels", hop{domain: "xn--mnchen-3ya.example", aar: aar, ams: replace("d=xn--mnchen-3ya.example", "d=münchen.example"), as: replace("d=xn--mnchen-3ya.example", "d=MÜNCHEN.example")}, nil},
		{"A-labels", hop{domain: "xn--mnchen-3ya.example", aar: aar}, nil},
		{"U-label without key", hop{domain: "xn--mnchen-3ya.example", aar: aar, as: replace("d=xn--mnchen-3ya.example", "d=zürich.example")}, dkim.ErrNoKey},
		{"seal of what is no domain", hop{domain: "xn--mnchen-3ya.example", aar: aar, as: replace("d=xn--mnchen-3ya.example", "d=m\xfcnchen.example")}, dkim.ErrSyntax},
	} {
		m := newMail()
		w.seal(m, tt.h)
		r := w.verify(m.String())
		if tt.err != nil {
			wantResult(t, tt.name, r, arc.StatusFail, tt.err)
			continue
		}
		wantResult(t, tt.name, r, arc.StatusPass, nil)
		if s := r.Sets[0]; s.Seal.Domain.ASCII != "xn--mnchen-3ya.example" || s.Results.AuthservID != "münchen.example" || s.Results.Methods[0].Props[0].Value != "ü@münchen.example" {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
}

// A chain of two sets made by dkimpy 1.1.4.
func TestDkimpy(t *testing.T) {
	t.Parallel()
	msg, err := os.ReadFile("testdata/dkimpy.eml")
	if err != nil {
		t.Fatal(err)
	}
	record, err := os.ReadFile("testdata/dkimpy.txt")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.resolver.TXT["s._domainkey.hop3.example"] = []string{strings.TrimSpace(string(record))}
	r := w.verify(string(msg))
	wantResult(t, "dkimpy", r, arc.StatusPass, nil)
	if len(r.Sets) != 2 || r.OldestPass != 0 || r.Sets[1].Results.AuthservID != "py.example" {
		t.Errorf("got %+v", r)
	}
	wantResult(t, "changed", w.verify(strings.Replace(string(msg), "hi  there", "hi  you", 1)), arc.StatusFail, dkim.ErrSignature)
}

// RFC 8617 appendix B. Its keys are not published, and too short for us.
func TestAppendixB(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.verify(appendixB)
	wantResult(t, "without keys", r, arc.StatusFail, dkim.ErrNoKey)
	if len(r.Sets) != 3 {
		t.Fatalf("%d sets", len(r.Sets))
	}
	for i, want := range []string{"lists.example.org", "gmail.example", "clochette.example.org"} {
		s := r.Sets[i]
		methods := []string{"spf", "dkim", "dmarc", "arc"}[:min(3+i, 4)]
		var got []string
		for _, m := range s.Results.Methods {
			got = append(got, m.Method)
		}
		if s.Seal.Domain.ASCII != want || s.Message.Domain.ASCII != want || s.Results.AuthservID != want || s.ResultsErr != nil || !reflect.DeepEqual(got, methods) {
			t.Errorf("set %d: %+v, %+v", i+1, s, s.Seal)
		}
	}
	// With some key in place of theirs, the body hash is right.
	w.publish("clochette", "clochette.example.org", rsaKey(t, 1024))
	wantResult(t, "with another key", w.verify(appendixB), arc.StatusFail, dkim.ErrSignature)
	wantResult(t, "with another body", w.verify(appendixB+"x\r\n"), arc.StatusFail, dkim.ErrBodyHash)
}

// RFC 8617 §6, §10.2.
func TestAuthResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changed := w.chain(1)
	changed.body += "x\r\n"
	broken := changed.clone()
	w.seal(changed, hop{})
	ip := netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		r    arc.Result
		ip   netip.Addr
		want string
	}{
		{w.verify(newMail().String()), ip, "arc=none"},
		{w.verify(w.chain(2).String()), ip, `arc=pass header.oldest-pass=0 smtp.remote-ip="2001:db8::1"`},
		{w.verify(w.chain(2).String()), netip.MustParseAddr("::ffff:192.0.2.1"), "arc=pass header.oldest-pass=0 smtp.remote-ip=192.0.2.1"},
		{w.verify(changed.String()), netip.Addr{}, "arc=pass header.oldest-pass=2"},
		{w.verify(broken.String()), ip, "arc=fail reason=\"ARC-Message-Signature 1: body hash did not verify\"\r\n\tsmtp.remote-ip=\"2001:db8::1\""},
		{w.verify("ARC-Seal: i=ü\u0085\u202e; b=x\r\n\r\n"), netip.Addr{}, `arc=fail reason="ARC-Seal: invalid instance \"?\\u0085\\u202e\""`},
		{w.verify("ARC-Seal: i=77; b=x\r\n\r\n"), netip.Addr{}, `arc=fail reason="ARC-Seal: invalid instance \"77\""`},
	} {
		got := string(authres.Results{AuthservID: "a", Methods: []authres.Result{tt.r.AuthResult(tt.ip)}}.AppendValue(nil))
		if got != "a;\r\n\t"+tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}
