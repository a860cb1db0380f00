package mtasts

import (
	"errors"
	"strings"
	"testing"

	"mox/dns"
)

func TestParseRecord(t *testing.T) {
	t.Parallel()
	for s, id := range map[string]string{
		"v=STSv1; id=20160831085700Z;":   "20160831085700Z", // RFC 8461 §3.1.
		"v=STSv1;id=1":                   "1",
		"v=STSv1 ;\tid=1 ; ":             "1",
		"v=STSv1; x-y.z=!$%&; id=1":      "1",
		"v=STSv1; id=1; id=2; id=bad-id": "1",

		"":                                       "",
		"v=STSv1":                                "",
		"v=STSv1;":                               "",
		" v=STSv1; id=1":                         "",
		"v=stsv1; id=1":                          "",
		"v=STSv10; id=1":                         "",
		"v=STSv2; id=1":                          "",
		"id=1; v=STSv1":                          "",
		"v=STSv1; ID=1":                          "",
		"v=STSv1; id=":                           "",
		"v=STSv1; id=a-b":                        "",
		"v=STSv1; id = 1":                        "",
		"v=STSv1; id=1; ; x=y":                   "",
		"v=STSv1; id=1; x":                       "",
		"v=STSv1; id=1; x=a=b":                   "",
		"v=STSv1; id=1; x=\x1b[2J":               "",
		"v=STSv1; id=1; é=1":                     "",
		"v=STSv1; id=" + strings.Repeat("1", 33): "",
	} {
		r, err := ParseRecord(s)
		if r.ID != id || (err == nil) != (id != "") || err != nil && !errors.Is(err, ErrRecord) {
			t.Errorf("%q: id %q, %v; want %q", s, r.ID, err, id)
		}
	}
}

func TestLookupRecord(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{
		TXT: map[string][]string{
			"_mta-sts.one.example":    {"v=spf1 -all", "v=STSv1; id=1", "something"},
			"_mta-sts.others.example": {"v=spf1 -all"},
			"_mta-sts.two.example":    {"v=STSv1; id=1", "v=STSv1; id=2"},
			"_mta-sts.bad.example":    {"v=STSv1; id=b-d"},
		},
		CNAME:     map[string]string{"_mta-sts.alias.example": "_mta-sts.one.example"},
		Authentic: []string{"_mta-sts.one.example"},
		Fail:      []string{"_mta-sts.fail.example"},
	}
	for domain, want := range map[string]error{
		"one.example": nil, "alias.example": nil, "bücher.example": ErrNoRecord, "none.example": ErrNoRecord, "others.example": ErrNoRecord,
		"two.example": ErrRecord, "bad.example": ErrRecord, "sub.one.example": ErrNoRecord,
	} {
		d, err := dns.ParseDomain(domain)
		if err != nil {
			t.Fatal(err)
		}
		record, res, err := LookupRecord(t.Context(), r, d)
		if !errors.Is(err, want) || want == nil && record.ID != "1" || res.Authentic != (domain == "one.example") {
			t.Errorf("%s: %v, %v, %v; want error %v", domain, record, res, err, want)
		}
	}
	_, _, err := LookupRecord(t.Context(), r, dns.Domain{ASCII: "fail.example"})
	if !dns.IsTemporary(err) || errors.Is(err, ErrNoRecord) || errors.Is(err, ErrRecord) {
		t.Errorf("failing lookup: %v", err)
	}
}

func FuzzParseRecord(f *testing.F) {
	for _, s := range []string{"v=STSv1; id=20160831085700Z;", "v=STSv1;id=1;x=y", "v=STSv1;;", ";", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseRecord(s); (err == nil) != ValidID(r.ID) {
			t.Errorf("%q: id %q, %v", s, r.ID, err)
		}
	})
}
