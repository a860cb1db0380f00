package spf

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// TestReceivedField covers the fields of evaluations (RFC 7208 §9.1).
func TestReceivedField(t *testing.T) {
	t.Parallel()
	resolver := zone(t, `
		pass.example TXT v=spf1 ip4:192.0.2.1 -all
		soft.example TXT v=spf1 ~all
		neutral.example TXT v=spf1
		broken.example TXT v=spf1 foo:"(
		fails.example FAIL
	`)
	for _, test := range []struct{ ip, sender, want string }{
		{"192.0.2.1", "user@pass.example", "Received-SPF: pass (mx.receiver.example: domain of user@pass.example " +
			"designates 192.0.2.1 as permitted sender) receiver=mx.receiver.example; " +
			"identity=mailfrom; client-ip=192.0.2.1; envelope-from=\"user@pass.example\"; " +
			"helo=client.example.net; mechanism=\"ip4:192.0.2.1\";"},
		{"2001:db8::1", "pass.example", "Received-SPF: fail (mx.receiver.example: domain of " +
			"postmaster@pass.example does not designate 2001:db8::1 as permitted sender) " +
			"receiver=mx.receiver.example; identity=helo; client-ip=\"2001:db8::1\"; " +
			"helo=pass.example; mechanism=all;"},
		{"192.0.2.1", `odd "\) name@soft.example`, "Received-SPF: softfail (mx.receiver.example: domain of \"odd " +
			"\\\\\"\\\\\\\\\\) name\"@soft.example does not designate 192.0.2.1 as permitted sender) " +
			"receiver=mx.receiver.example; identity=mailfrom; client-ip=192.0.2.1; " +
			"envelope-from=\"\\\"odd \\\\\\\"\\\\\\\\) name\\\"@soft.example\"; helo=client.example.net; " +
			"mechanism=all;"},
		{"192.0.2.1", "user@neutral.example", "Received-SPF: neutral (mx.receiver.example: domain of " +
			"user@neutral.example says nothing about 192.0.2.1) " +
			"receiver=mx.receiver.example; identity=mailfrom; client-ip=192.0.2.1; " +
			"envelope-from=\"user@neutral.example\"; helo=client.example.net; " +
			"mechanism=default;"},
		{"192.0.2.1", "user@none.example", "Received-SPF: none (mx.receiver.example: domain of user@none.example has no " +
			"policy) receiver=mx.receiver.example; identity=mailfrom; " +
			"client-ip=192.0.2.1; envelope-from=\"user@none.example\"; " +
			"helo=client.example.net;"},
		{"192.0.2.1", "user@fails.example", "Received-SPF: temperror (mx.receiver.example: policy of " +
			"domain of user@fails.example could not be looked up) receiver=mx.receiver.example; " +
			"identity=mailfrom; client-ip=192.0.2.1; envelope-from=\"user@fails.example\"; " +
			"helo=client.example.net; problem=\"looking up TXT of fails.example failed\";"},
		{"192.0.2.1", "user@broken.example", "Received-SPF: permerror (mx.receiver.example: error in policy of domain of " +
			"user@broken.example) receiver=mx.receiver.example; identity=mailfrom; " +
			"client-ip=192.0.2.1; envelope-from=\"user@broken.example\"; " +
			"helo=client.example.net; " +
			"problem=\"record of broken.example: syntax error in term \\\"foo:\\\\\\\"(\\\": unknown mechanism\";"},
	} {
		args := session(t, test.ip, test.sender)
		r := NewReceived(args, CheckMailFrom(t.Context(), resolver, args))
		field := string(r.AppendField(nil))
		if got := strings.TrimSuffix(strings.ReplaceAll(field, "\r\n ", " "), "\r\n"); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.sender, got, test.want)
		}
		checkField(t, r, field)
		for line := range strings.SplitSeq(field, "\r\n") {
			if len(line) > lineLen && strings.Count(line, ";") != 1 {
				t.Errorf("%s: line %q is not folded", test.sender, line)
			}
		}
	}
}

// checkField tells whether a field is well-formed and says what it was made from.
func checkField(t *testing.T, r Received, field string) {
	t.Helper()
	value, ok := strings.CutPrefix(field, "Received-SPF:")
	if !ok {
		t.Fatalf("no field: %q", field)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(field, "\r\n"), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") || strings.TrimSpace(line) == "" {
			t.Fatalf("line %q", line)
		}
	}
	again, err := ParseReceived(value)
	if err != nil {
		t.Fatalf("field %q: %v", field, err)
	}
	if !reflect.DeepEqual(again, r) {
		t.Fatalf("field %q is read as %+v, want %+v", field, again, r)
	}
}

// TestReceivedHostileValues covers that nothing of what strangers say gets out of its place in the field (RFC 7208
// §9.1, §11.5.1).
func TestReceivedHostileValues(t *testing.T) {
	t.Parallel()
	r := Received{
		Status:       Fail,
		Comment:      "a\r\nX-Injected: b) (c\x00\x7f\u2028\\" + strings.Repeat("ü", 1000),
		EnvelopeFrom: strings.Repeat("x", 10000) + "@example.org",
		HELO:         "a\r\n\r\nb",
		Problem:      "\"; result=pass;",
		Mechanism:    "\xff\\",
		Others:       []KeyValue{{"bad key", "x"}, {"x\r\ny", "z"}, {"good-key", "v"}},
	}
	field := string(r.AppendField([]byte("Before: x\r\n")))
	field, ok := strings.CutPrefix(field, "Before: x\r\n")
	if !ok {
		t.Fatalf("got %q", field)
	}
	again, err := ParseReceived(strings.TrimPrefix(field, "Received-SPF:"))
	if err != nil {
		t.Fatal(err)
	}
	checkField(t, again, field)
	if again.Problem != r.Problem || again.HELO != "a????b" || again.Mechanism != `?\` || len(again.EnvelopeFrom) != maxValue ||
		!strings.HasPrefix(again.Comment, "a??X-Injected: b) (c???\\ü") || len(again.Comment) > maxValue ||
		!reflect.DeepEqual(again.Others, []KeyValue{{"good-key", "v"}}) {
		t.Errorf("got %+v", again)
	}
	if n := len(field); n > 3000 {
		t.Errorf("field has %d bytes", n)
	}
}

func TestParseReceived(t *testing.T) {
	t.Parallel()
	ip := netip.MustParseAddr("192.0.2.1")
	for _, test := range []struct {
		value string
		want  Received
	}{
		// The examples of RFC 7208 §9.1.
		{" pass (mybox.example.org: domain of\r\n myname@example.com designates 192.0.2.1 as permitted sender)\r\n" +
			"    receiver=mybox.example.org; client-ip=192.0.2.1;\r\n    envelope-from=\"myname@example.com\"; helo=foo.example.com;\r\n",
			Received{Status: Pass, Comment: "mybox.example.org: domain of myname@example.com designates 192.0.2.1 as permitted sender",
				Receiver: "mybox.example.org", ClientIP: ip, EnvelopeFrom: "myname@example.com", HELO: "foo.example.com"}},
		{" fail (mybox.example.org: domain of\r\n                  myname@example.com does not designate\r\n" +
			"                  192.0.2.1 as permitted sender)\r\n                  identity=mailfrom; client-ip=192.0.2.1;\r\n" +
			"                  envelope-from=\"myname@example.com\";\r\n",
			Received{Status: Fail, Comment: "mybox.example.org: domain of myname@example.com does not designate 192.0.2.1 as permitted sender",
				Identity: MailFrom, ClientIP: ip, EnvelopeFrom: "myname@example.com"}},
		{"pass (c) receiver=mybox.example.org; client-ip=192.0.2.1; mechanism=ip4:192.0.2.1; envelope-from=\"myname@example.com\"; helo=foo.example.com;",
			Received{Status: Pass, Comment: "c", Receiver: "mybox.example.org", ClientIP: ip, Mechanism: "ip4:192.0.2.1",
				EnvelopeFrom: "myname@example.com", HELO: "foo.example.com"}},

		{"none", Received{Status: None}},
		{" (x) SoftFail ", Received{Status: Softfail}},
		{"\tneutral\r\n", Received{Status: Neutral}},
		{"neutral\n x=y", Received{Status: Neutral, Others: []KeyValue{{"x", "y"}}}},
		{"temperror PROBLEM=\"a \\\"b\\\\\r\n c\" (x (y) \\) z) ; x = \"\"", Received{Status: Temperror, Problem: `a "b\ c`, Others: []KeyValue{{"x", ""}}}},
		{"permerror (a(b)\\)) (second)", Received{Status: Permerror, Comment: "a(b))"}},
		{"pass client-ip=2001:db8::1; x-y.z_1=a;x-y.z_1=b", Received{Status: Pass, ClientIP: netip.MustParseAddr("2001:db8::1"),
			Others: []KeyValue{{"x-y.z_1", "a"}, {"x-y.z_1", "b"}}}},
		{"pass envelope-from=<>", Received{}},
		{"pass (x) helo=\"jörg\"", Received{Status: Pass, Comment: "x", HELO: "jörg"}},
	} {
		got, err := ParseReceived(test.value)
		if test.want.Status == "" {
			if err == nil {
				t.Errorf("%q is taken as %+v", test.value, got)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: got %+v, %v, want %+v", test.value, got, err, test.want)
		}
	}

	for _, value := range []string{
		"", " ", "good", "pass.", "hardfail", "(pass)", "pass (", "pass (\\", "pass ()) x=y", "pass x", "pass x=", "pass =y", "pass 1x=y", "pass x=y z=w",
		"pass x=y;;", "pass ;", "pass x=\"", "pass x=\"\\", "pass x=\"\x00\"", "pass x=\x01", "pass (\x00)", "pass\x00", "pass\r\nx=y", "pass\rx=y",
		"pass x=\"a\r\nb\"", "pass (a\nb)", "pass client-ip=1.2.3", "pass client-ip=fe80::1%eth0", "pass client-ip=192.0.2.1;client-ip=192.0.2.2",
		"pass helo=a; HELO=b", "pass x=y \"", "pass " + strings.Repeat("(", 100) + strings.Repeat(")", 100), "pass " + strings.Repeat("x=y;", 1<<15),
	} {
		if got, err := ParseReceived(value); err == nil {
			t.Errorf("%.60q is taken as %.200v", value, got)
		} else if !errors.Is(err, ErrSyntax) {
			t.Errorf("%.60q: error %v", value, err)
		}
	}
}

// TestProperty covers the properties of Authentication-Results (RFC 7208 §9.2), those of RFC 8601 §2.7.2.
func TestProperty(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ sender, name, value string }{
		{"user@p.example", "mailfrom", "user@p.example"},
		{"@p.example", "mailfrom", "postmaster@p.example"},
		{"a b@p.example", "mailfrom", `"a b"@p.example`},
		{"user@bücher.example", "mailfrom", "user@xn--bcher-kva.example"},
		{"p.example", "helo", "p.example"},
		{"[192.0.2.1]", "helo", "[192.0.2.1]"},
	} {
		res := CheckMailFrom(t.Context(), zone(t, ""), session(t, "192.0.2.1", test.sender))
		if name, value := res.Property(); name != test.name || value != test.value {
			t.Errorf("%s: got %s=%s", test.sender, name, value)
		}
	}
	res := CheckHELO(t.Context(), zone(t, ""), session(t, "192.0.2.1", "user@p.example"))
	if name, value := res.Property(); name != "helo" || value != "client.example.net" || res.Domain.ASCII != "client.example.net" {
		t.Errorf("HELO: got %s=%s of %s", name, value, res.Domain)
	}
}
