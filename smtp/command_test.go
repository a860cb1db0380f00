package smtp

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseMailFrom(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in       string
		path     string
		params   Params
		code     int // 0: accepted.
		enhanced EnhancedCode
	}{
		{in: "FROM:<>", path: ""},
		{in: "from:<bob@example.org>", path: "bob@example.org"},
		{in: "FROM: <bob@example.org>", path: "bob@example.org"},
		{in: "FROM:<bob@example.org> ", path: "bob@example.org"},
		{in: `FROM:<"a>b c"@example.org> SIZE=10`, path: `"a>b c"@example.org`, params: Params{{"SIZE", "10", true}}},
		{in: `FROM:<"a\">"@example.org>`, path: `"a\">"@example.org`},
		{in: "FROM:<bob@[192.0.2.1]>", path: "bob@[192.0.2.1]"},
		{in: "FROM:<bob@[IPv6:::1]>", path: "bob@[IPv6:::1]"},
		{in: "FROM:<@a.example,@b.example:bob@example.org>", path: "bob@example.org"},
		{in: "FROM:<bob@example.org> body=8BITMIME  Size=1000 SMTPUTF8 AUTH=<> X-a=b+3Dc", path: "bob@example.org",
			params: Params{{"BODY", "8BITMIME", true}, {"SIZE", "1000", true}, {"SMTPUTF8", "", false}, {"AUTH", "<>", true}, {"X-A", "b+3Dc", true}}},
		{in: "FROM:<péter@example.org> SMTPUTF8", path: "péter@example.org", params: Params{{"SMTPUTF8", "", false}}},
		{in: "FROM:<bob@bücher.example> SMTPUTF8 AUTH=é", path: "bob@bücher.example", params: Params{{"SMTPUTF8", "", false}, {"AUTH", "é", true}}},

		{in: "", code: 501, enhanced: "5.5.4"},
		{in: "<bob@example.org>", code: 501, enhanced: "5.5.4"},
		{in: "TO:<bob@example.org>", code: 501, enhanced: "5.5.4"},
		{in: "FROM :<bob@example.org>", code: 501, enhanced: "5.5.4"},
		{in: "FROM:bob@example.org", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<bob@example.org", code: 501, enhanced: "5.1.7"},
		{in: "FROM:", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<bob>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<postmaster>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:< bob@example.org>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<bob@example.org >", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<<bob@example.org>>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<bob@example.org>SIZE=1", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<bob@exam ple.org>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<bob@exam_ple.org>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<@a.example:>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<@a.example,b.example:bob@example.org>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<@a_b:bob@example.org>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<@a.example bob@example.org>", code: 501, enhanced: "5.1.7"},
		{in: `FROM:<"bob@example.org>`, code: 501, enhanced: "5.1.7"},
		{in: "FROM:<bob\x00@example.org>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<" + strings.Repeat("a", 129) + "@example.org>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<" + strings.Repeat("a", 60) + "@" + strings.Repeat("aaaa.", 40) + "org>", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<péter@example.org>", code: 550, enhanced: "5.6.7"},
		{in: "FROM:<bob@bücher.example>", code: 550, enhanced: "5.6.7"},
		{in: "FROM:<p\xff@example.org> SMTPUTF8", code: 501, enhanced: "5.1.7"},
		{in: "FROM:<bob@example.org> =1", code: 501, enhanced: "5.5.4"},
		{in: "FROM:<bob@example.org> SIZE=", code: 501, enhanced: "5.5.4"},
		{in: "FROM:<bob@example.org> SI_ZE=1", code: 501, enhanced: "5.5.4"},
		{in: "FROM:<bob@example.org> -SIZE=1", code: 501, enhanced: "5.5.4"},
		{in: "FROM:<bob@example.org> SIZE=1 size=2", code: 501, enhanced: "5.5.4"},
		{in: "FROM:<bob@example.org> ENVID=a=b", code: 501, enhanced: "5.5.4"},
		{in: "FROM:<bob@example.org> ENVID=a\tb", code: 501, enhanced: "5.5.4"},
		{in: "FROM:<bob@example.org> ENVID=\xff", code: 501, enhanced: "5.5.4"},
	} {
		p, params, err := ParseMailFrom(tc.in)
		if tc.code == 0 {
			if err != nil || p.String() != tc.path || !reflect.DeepEqual(params, tc.params) {
				t.Errorf("%q: %q, %v, %v", tc.in, p.String(), params, err)
			}
			continue
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code != tc.code || e.Enhanced != tc.enhanced || !p.IsZero() || params != nil {
			t.Errorf("%q: %+v, %v, %v; want %d %s", tc.in, p, params, err, tc.code, tc.enhanced)
		}
	}
}

func TestParseRcptTo(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in       string
		utf8     bool
		path     string
		params   Params
		code     int // 0: accepted.
		enhanced EnhancedCode
	}{
		{in: "TO:<bob@example.org>", path: "bob@example.org"},
		{in: "to: <bob@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@example.org", path: "bob@example.org",
			params: Params{{"NOTIFY", "SUCCESS,FAILURE", true}, {"ORCPT", "rfc822;bob@example.org", true}}},
		{in: "TO:<Postmaster>", path: "postmaster"}, // RFC 5321 §4.5.1.
		{in: "TO:<POSTMASTER>", path: "postmaster"},
		{in: "TO:<@relay.example:bob@example.org>", path: "bob@example.org"},
		{in: "TO:<péter@bücher.example>", utf8: true, path: "péter@bücher.example"},
		{in: "TO:<bob@example.org> ORCPT=utf-8;péter@example.org", utf8: true, path: "bob@example.org", params: Params{{"ORCPT", "utf-8;péter@example.org", true}}},

		{in: "TO:<>", code: 501, enhanced: "5.1.3"},
		{in: "TO:<bob>", code: 501, enhanced: "5.1.3"},
		{in: "TO:<@relay.example:Postmaster>", code: 501, enhanced: "5.1.3"},
		{in: "TO:bob@example.org", code: 501, enhanced: "5.1.3"},
		{in: "FROM:<bob@example.org>", code: 501, enhanced: "5.5.4"},
		{in: "TO:<bob@example.org> NOTIFY", path: "bob@example.org", params: Params{{"NOTIFY", "", false}}},
		{in: "TO:<bob@example.org> NOTIFY=", code: 501, enhanced: "5.5.4"},
		{in: "TO:<péter@example.org>", code: 553, enhanced: "5.6.7"},
		{in: "TO:<bob@bücher.example>", code: 553, enhanced: "5.6.7"},
	} {
		p, params, err := ParseRcptTo(tc.in, tc.utf8)
		if tc.code == 0 {
			if err != nil || p.String() != tc.path || !reflect.DeepEqual(params, tc.params) {
				t.Errorf("%q: %q, %v, %v", tc.in, p.String(), params, err)
			}
			continue
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code != tc.code || e.Enhanced != tc.enhanced || !p.IsZero() || params != nil {
			t.Errorf("%q: %+v, %v, %v; want %d %s", tc.in, p, params, err, tc.code, tc.enhanced)
		}
	}
}

func FuzzParseMailFrom(f *testing.F) {
	for _, s := range []string{"FROM:<>", "FROM:<bob@example.org> SIZE=10 BODY=8BITMIME", `FROM: <"a\">"@[IPv6:::1]> SMTPUTF8`, "FROM:<@a.example,@b.example:bob@example.org>", "TO:<Postmaster> NOTIFY=NEVER"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, params, err := ParseMailFrom(s)
		if err == nil {
			var b strings.Builder
			b.WriteString("FROM:" + p.Pack(true))
			for _, p := range params {
				b.WriteString(" " + p.Keyword)
				if p.HasValue {
					b.WriteString("=" + p.Value)
				}
			}
			again, params2, err := ParseMailFrom(b.String())
			if len(p.Pack(true)) <= MaxPath && isASCII(p.Pack(true)) && (err != nil || again != p || !reflect.DeepEqual(params2, params)) {
				t.Fatalf("%q is written as %q: %v", s, b.String(), err)
			}
		} else if _, ok := errors.AsType[*Error](err); !ok {
			t.Fatalf("%q: %v is no reply", s, err)
		}
		if _, _, err := ParseRcptTo(s, true); err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%q: %v is no reply", s, err)
			}
		}
	})
}
