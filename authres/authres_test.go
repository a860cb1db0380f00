package authres_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"mox/authres"
	"mox/pipeline"
)

func props(l ...string) []authres.Prop {
	var props []authres.Prop
	for i := 0; i < len(l); i += 3 {
		props = append(props, authres.Prop{Type: l[i], Property: l[i+1], Value: l[i+2]})
	}
	return props
}

func TestParse(t *testing.T) {
	t.Parallel()
	one := func(id string, methods ...authres.Result) authres.Results {
		return authres.Results{AuthservID: id, Methods: methods}
	}
	for _, tt := range []struct {
		value string
		want  authres.Results
	}{
		// RFC 8601 appendix B.2 to B.7.
		{" example.org 1; none", authres.Results{AuthservID: "example.org", Version: 1}},
		{" example.com;\r\n          spf=pass smtp.mailfrom=example.net",
			one("example.com", authres.Result{Method: "spf", Result: "pass", Props: props("smtp", "mailfrom", "example.net")})},
		{" example.com;\r\n          auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n          spf=pass smtp.mailfrom=example.net",
			one("example.com", authres.Result{Method: "auth", Result: "pass", Props: props("smtp", "auth", "sender@example.net")},
				authres.Result{Method: "spf", Result: "pass", Props: props("smtp", "mailfrom", "example.net")})},
		{" example.com; iprev=pass\r\n          policy.iprev=192.0.2.200",
			one("example.com", authres.Result{Method: "iprev", Result: "pass", Props: props("policy", "iprev", "192.0.2.200")})},
		{" example.com;\r\n          dkim=pass (good signature) header.d=example.com",
			one("example.com", authres.Result{Method: "dkim", Result: "pass", Props: props("header", "d", "example.com")})},
		{" example.com;\r\n      dkim=pass reason=\"good signature\"\r\n        header.i=@mail-router.example.net;\r\n      dkim=fail reason=\"bad signature\"\r\n        header.i=@newyork.example.com",
			one("example.com", authres.Result{Method: "dkim", Result: "pass", Reason: "good signature", Props: props("header", "i", "@mail-router.example.net")},
				authres.Result{Method: "dkim", Result: "fail", Reason: "bad signature", Props: props("header", "i", "@newyork.example.com")})},
		{" foo.example.net (foobar) 1 (baz);\r\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n      policy (A dot can go here) . (like that) expired\r\n      (this surprised me) = (as I wasn't expecting it) 1362471462",
			authres.Results{AuthservID: "foo.example.net", Version: 1, Methods: []authres.Result{
				{Method: "dkim", Version: 1, Result: "fail", Props: props("policy", "expired", "1362471462")}}}},

		// The grammar of RFC 8601 §2.2.
		{"a;none", one("a")},
		{"(c) a (c (c) \\) ;) ; (c) none (c)", one("a")},
		{`"a b \"c\""; none`, one(`a b "c"`)},
		{"\"a\r\n b\"; none", one("a b")},
		{"münchen.example; none", one("münchen.example")}, // RFC 8601 §2.5.
		{"a; dkim=policy policy.dkim-rules=unsigned-subject", // RFC 8601 §2.4.
			one("a", authres.Result{Method: "dkim", Result: "policy", Props: props("policy", "dkim-rules", "unsigned-subject")})},
		{"a; x=y unheard.of=z", one("a", authres.Result{Method: "x", Result: "y", Props: props("unheard", "of", "z")})}, // RFC 8601 §2.3.
		{"a; DKIM=Pass Header.D=Example.org", one("a", authres.Result{Method: "dkim", Result: "pass", Props: props("header", "d", "Example.org")})},
		{"a; none=pass", one("a", authres.Result{Method: "none", Result: "pass"})},
		{"a; x=y reason=token", one("a", authres.Result{Method: "x", Result: "y", Reason: "token"})},
		{`a; x=y p.q="x; \\ (y)"`, one("a", authres.Result{Method: "x", Result: "y", Props: props("p", "q", `x; \ (y)`)})},
		{`a; x=y p.q="a b"@example.org`, one("a", authres.Result{Method: "x", Result: "y", Props: props("p", "q", `"a b"@example.org`)})},
		{`a; x=y p.q="a\b" (c) @example.org`, one("a", authres.Result{Method: "x", Result: "y", Props: props("p", "q", `"ab"@example.org`)})},
		{`a; x=y p.q=b (c) @example.org p.r=s`, one("a", authres.Result{Method: "x", Result: "y", Props: props("p", "q", "b@example.org", "p", "r", "s")})},
		{`a; x=y p.q=ü@münchen.example`, one("a", authres.Result{Method: "x", Result: "y", Props: props("p", "q", "ü@münchen.example")})},
		{`a; x=y p.q=""`, one("a", authres.Result{Method: "x", Result: "y", Props: props("p", "q", "")})},

		// What others write.
		{"mx.google.com; dkim=pass header.i=@gmail.com header.s=20230601 header.b=Ab/c+d=1; spf=pass (google.com: domain of a@gmail.com designates 2001:db8::1 as permitted sender) smtp.mailfrom=a@gmail.com",
			one("mx.google.com", authres.Result{Method: "dkim", Result: "pass", Props: props("header", "i", "@gmail.com", "header", "s", "20230601", "header", "b", "Ab/c+d=1")},
				authres.Result{Method: "spf", Result: "pass", Props: props("smtp", "mailfrom", "a@gmail.com")})},
		{"mx.microsoft.com 1; arc=pass (0 oda=1 ltdi=1) smtp.remote-ip=2001:db8::1; dmarc=pass action=none header.from=example.org",
			authres.Results{AuthservID: "mx.microsoft.com", Version: 1, Methods: []authres.Result{
				{Method: "arc", Result: "pass", Props: props("smtp", "remote-ip", "2001:db8::1")},
				{Method: "dmarc", Result: "pass", Props: props("", "action", "none", "header", "from", "example.org")}}}},
		{"amazonses.com; dkim=pass header.i=@example.org;", one("amazonses.com", authres.Result{Method: "dkim", Result: "pass", Props: props("header", "i", "@example.org")})},
		{"a; spf=none smtp.mailfrom=<>", one("a", authres.Result{Method: "spf", Result: "none", Props: props("smtp", "mailfrom", "<>")})},
		{"a; spf=none smtp.mailfrom=;; x=y", one("a", authres.Result{Method: "spf", Result: "none", Props: props("smtp", "mailfrom", "")}, authres.Result{Method: "x", Result: "y"})},
	} {
		got, err := authres.Parse([]byte(tt.value))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q:\ngot  %+v, %v\nwant %+v", tt.value, got, err, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", " ", ";", "; none", "a", "a 1", "a;", "a;;", "a 1;", "a x; none", "a b.c; none", "a 1 2; none", "a 1x; none", "a 1234567; none",
		"a, b; none", "a/1; none", "a@b; none", "a=b; none", "\"a; none", "\"a\\", "(a; none", "(a (b); c=d", "a; none (",
		"\"a\"1; none", "a\x00; none", "\"a\x01\"; none", "\"a\\\x00\"; none", "a; x=y p.q=\x7f",
		"a; none; none", "a; none; x=y", "a; x=y; none", "a; none x", "a; none/1",
		"a; x", "a; x=", "a; =y", "a; x/=y", "a; x/a=y", "a; x_y=z", "a; x=(c);", "a; x=y z", "a; x=y p.", "a; x=y p.q", "a; x=y p.=v", "a; x=y .q=v",
		"a; x=y p.q.r=v", "a; x=y\"z\"", "a; x=y p.q=\"v\"r.s=t", "a; x=y p.q=v\"w\"", "a; x=y p.q=v\\w", "a; x=y p.q=)", "a; x=y p.q=\"v",
		"a; x=y reason", "a; x=y reason=\"z",
		"a; x=" + strings.Repeat("y", 65),
		"a" + strings.Repeat("; x=y", 501),
		"a; x=y" + strings.Repeat(" p.q=v", 101),
		"a; x=y p.q=" + strings.Repeat("v", 64<<10),
		"a; x=y " + strings.Repeat("(", 60000),
	} {
		if r, err := authres.Parse([]byte(value)); !errors.Is(err, authres.ErrSyntax) {
			t.Errorf("%.80q: got %+v, %v", value, r, err)
		}
	}
}

// What follows an unknown version may have any form (RFC 8601 §2.6).
func TestParseUnknownVersion(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"example.org 2; [what] ever", "example.org (1) 12; none"} {
		r, err := authres.Parse([]byte(value))
		if !errors.Is(err, authres.ErrVersion) || errors.Is(err, authres.ErrSyntax) || r.AuthservID != "example.org" || r.Version < 2 || r.Methods != nil {
			t.Errorf("%q: got %+v, %v", value, r, err)
		}
	}
}

func TestAppendField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		r    authres.Results
		want string
	}{
		{"none", authres.Results{AuthservID: "example.org", Version: 1}, " example.org 1; none"},
		{"results", authres.Results{AuthservID: "example.org", Methods: []authres.Result{
			{Method: "spf", Result: "fail", Reason: `a "b" \`, Props: props("smtp", "mailfrom", "a@b")}, {Method: "dkim", Version: 2, Result: "none"}}},
			" example.org;\r\n\tspf=fail reason=\"a \\\"b\\\" \\\\\" smtp.mailfrom=a@b;\r\n\tdkim/2=none"},
		{"folded", authres.Results{AuthservID: "example.org", Methods: []authres.Result{
			{Method: "arc", Result: "pass", Props: props("header", "oldest-pass", "0", "smtp", "remote-ip", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "policy", "x", strings.Repeat("v", 90), "policy", "y", "z")}}},
			" example.org;\r\n\tarc=pass header.oldest-pass=0\r\n\tsmtp.remote-ip=\"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\"\r\n\tpolicy.x=" + strings.Repeat("v", 90) + "\r\n\tpolicy.y=z"},

		{"forms of addresses (RFC 8601 §2.2)", authres.Results{AuthservID: "a", Methods: []authres.Result{
			{Method: "x", Result: "y", Props: props("p", "a", "@example.org", "p", "b", `"a b"@example.org`, "p", "c", "ü@münchen.example", "p", "d", "", "p", "e", "a@b@c", "p", "f", `"a"b"@c`, "p", "g", "@")}}},
			" a;\r\n\tx=y p.a=@example.org p.b=\"a b\"@example.org p.c=ü@münchen.example p.d=\"\"\r\n\tp.e=\"a@b@c\" p.f=\"\\\"a\\\"b\\\"@c\" p.g=\"@\""},
		{"id is no address", authres.Results{AuthservID: "a@b"}, ` "a@b"; none`},
		{"controls", authres.Results{AuthservID: "a\r\nEvil: x", Methods: []authres.Result{
			{Method: "x\r\n", Result: "", Reason: "\x00\u0085\xff\u2029\t", Props: props("p;q", "r s", "a\r\n\r\nbody")}}},
			" \"a??Evil: x\";\r\n\tx--=x reason=\"???\u2029\t\" p-q.r-s=\"a????body\""},
		{"what looks like the end of a result", authres.Results{AuthservID: "a;b", Methods: []authres.Result{{Method: "x;y", Result: "a b=c", Props: props("p", "q", "v; dkim=pass", "p", "r", "(")}}},
			" \"a;b\";\r\n\tx-y=a-b-c p.q=\"v; dkim=pass\" p.r=\"(\""},
		{"too long", authres.Results{AuthservID: strings.Repeat("a", 500), Methods: []authres.Result{
			{Method: strings.Repeat("m", 100), Result: "y", Reason: strings.Repeat(`"`, 500), Props: props("p", "q", "a"+strings.Repeat("ü", 300))}}},
			" " + strings.Repeat("a", 400) + ";\r\n\t" + strings.Repeat("m", 64) + "=y\r\n\treason=\"" + strings.Repeat(`\"`, 400) + "\"\r\n\tp.q=a" + strings.Repeat("ü", 199)},
	} {
		got := string(tt.r.AppendField([]byte("Before: x\r\n")))
		if want := "Before: x\r\nAuthentication-Results:" + tt.want + "\r\n"; got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, want)
		}
		if !pipeline.ValidFields([]byte(got)) {
			t.Errorf("%s: no valid field", tt.name)
		}
		for line := range strings.SplitSeq(got, "\r\n") {
			if len(line) > 998 {
				t.Errorf("%s: line of %d octets", tt.name, len(line))
			}
		}
		if _, err := authres.Parse([]byte(strings.TrimPrefix(got, "Before: x\r\nAuthentication-Results:"))); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestProp(t *testing.T) {
	t.Parallel()
	r := authres.Result{Props: props("smtp", "helo", "x", "smtp", "mailfrom", "a", "smtp", "mailfrom", "b")}
	if v, ok := r.Prop("smtp", "mailfrom"); !ok || v != "a" {
		t.Errorf("got %q, %v", v, ok)
	}
	if v, ok := r.Prop("header", "mailfrom"); ok {
		t.Errorf("got %q for a property that is not there", v)
	}
}

// RFC 8601 §5.
func TestForged(t *testing.T) {
	t.Parallel()
	m := authres.NewMatcher("mx.example.org", "Example.ORG", "xn--mnchen-3ya.example", "", "our host")
	for _, value := range []string{
		"example.org; none", " EXAMPLE.org; dkim=pass", "Mx.Example.Org 1; none", "example.org.; none", "(c) example.org (c); none",
		"\r\n\texample.org\r\n\t; none", `"example.org"; none`, `"exa\mple.org"; none`, "ｅxample。org; none",
		"münchen.example; none", "MÜNCHEN.example; none", "xn--mnchen-3ya.example; none", "XN--MNCHEN-3YA.EXAMPLE; none", "mu\u0308nchen.example; none",
		`"our host"; none`, `"OUR HOST"; none`,

		// Broken behind the id.
		"example.org; [", "example.org", "example.org;", "example.org 1", "example.org; dkim", "example.org 1; (",
		// Versions that are not supported, whoever writes them.
		"example.org 2; none", "other.example 2; none",
		// Broken so that a lenient reader may still find our id.
		"example.org x; none", "example.org/1; none", "example.org, other.example; none", "other.example example.org; none",
		"exam\r\n ple.org; none", "exam(c)ple.org; none", "exam(;)ple.org x; none", "(example.org; none", "example.org (; none", "\"example.org; none", "example.org\"; none",
		"\"example.org;\"; none", "example.org\x00; none", "exam\x00ple.org; none", "exam\xffple.org; none", "exam\u00adple.org; none", "exam\u200bple.org x; none",
		"; example.org; none", "(c); example.org; none", "=?utf-8?q?example=2Eorg?=; none", "=?utf-8?b?ZXhhbXBsZS5vcmc=?=; none", "<example.org>; none",
		"münchen.example x; none", "xn--mnchen-3ya.example x; none",
		"our host; none",
		"x; " + strings.Repeat(" ", 64<<10),
	} {
		if !m.Forged([]byte(value)) {
			t.Errorf("%.80q is taken for another's", value)
		}
	}
	for _, value := range []string{
		"", " ", ";", "other.example; none", "sub.example.org; none", "notexample.org; none", "example.org.evil.example; none", "example.orgs; none",
		"other.example 1; dkim=pass header.d=example.org", "other.example (example.org); none", "other.example x; dkim=pass header.d=example.org",
		"other.example; dkim=[ header.d=example.org", "example; none", "org; none", "münch.example; none", "exampl\u0435.org; none", "our-host; none", "\"\"; none",
	} {
		if m.Forged([]byte(value)) {
			t.Errorf("%q is taken for ours", value)
		}
	}
	if authres.NewMatcher().Forged([]byte("example.org x; none")) {
		t.Error("without ids of ours a field is taken for ours")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		" example.org 1; none",
		" foo.example.net (foobar) 1 (baz);\r\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n policy (A dot) . (x) expired\r\n (y) = (z) 1362471462",
		"mx.google.com; dkim=pass header.i=@gmail.com header.b=Ab/c; dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=gmail.com",
		`a; x=y reason="z \" z" p.q="a b"@c p.r="\"a\"@b" p.s= "x@y"@z action=none;`,
		"münchen.example; spf=pass smtp.mailfrom=ü@münchen.example\xff",
	} {
		f.Add([]byte(s))
	}
	m := authres.NewMatcher("example.org")
	f.Fuzz(func(t *testing.T, value []byte) {
		m.Forged(value)
		r, err := authres.Parse(value)
		if err != nil {
			return
		}
		field := r.AppendField(nil)
		if !pipeline.ValidFields(field) {
			t.Fatalf("%+v gives no field: %q", r, field)
		}
		again, err := authres.Parse(field[len("Authentication-Results:"):])
		if err != nil {
			t.Fatalf("%q: %v", field, err)
		}
		if got := again.AppendField(nil); string(got) != string(field) {
			t.Fatalf("not stable:\n%q\n%q", field, got)
		}
		ours := authres.NewMatcher(r.AuthservID)
		if r.AuthservID != "" && !ours.Forged(value) {
			t.Fatalf("%q is not recognized as of %q", value, r.AuthservID)
		}
	})
}

var benchResults = authres.Results{AuthservID: "mx.example.org", Methods: []authres.Result{
	{Method: "iprev", Result: "pass", Props: props("policy", "iprev", "192.0.2.1")},
	{Method: "spf", Result: "pass", Props: props("smtp", "mailfrom", "sender@example.net")},
	{Method: "dkim", Result: "pass", Reason: "2048 bits", Props: props("header", "d", "example.net", "header", "s", "2026a", "header", "a", "rsa-sha256", "header", "b", "Qx9/fm")},
	{Method: "dmarc", Result: "pass", Props: props("header", "from", "example.net")},
}}

func BenchmarkAppendField(b *testing.B) {
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = benchResults.AppendField(buf[:0])
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	value := benchResults.AppendField(nil)[len("Authentication-Results:"):]
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if _, err := authres.Parse(value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkForged(b *testing.B) {
	b.ReportAllocs()
	m := authres.NewMatcher("example.org")
	value := benchResults.AppendField(nil)[len("Authentication-Results:"):]
	for b.Loop() {
		if m.Forged(value) {
			b.Fatal("taken for ours")
		}
	}
}
