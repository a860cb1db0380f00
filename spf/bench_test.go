package spf

import "testing"

const benchRecord = "v=spf1 ip4:203.0.113.0/24 ip6:2001:db8:ffff::/48 a:mail.p.example include:_spf.p.example exists:%{ir}._spf.%{d2} -all"

func BenchmarkParseRecord(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRecord(benchRecord); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckMailFrom(b *testing.B) {
	resolver := zone(b, `
		p.example TXT `+benchRecord+`
		_spf.p.example TXT v=spf1 ip4:192.0.2.0/24 ~all
		mail.p.example A 203.0.113.1
	`)
	args := session(b, "192.0.2.1", "user@p.example")
	b.ReportAllocs()
	for b.Loop() {
		if res := CheckMailFrom(b.Context(), resolver, args); res.Status != Pass {
			b.Fatal(res.Status)
		}
	}
}

func BenchmarkAppendField(b *testing.B) {
	args := session(b, "192.0.2.1", "user@p.example")
	r := NewReceived(args, Result{Status: Pass, Identity: MailFrom, Sender: "user@p.example", Mechanism: "ip4:192.0.2.0/24"})
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = r.AppendField(buf[:0])
	}
}
