package arc_test

import (
	"context"
	"crypto/rsa"
	"strings"
	"testing"

	"mox/arc"
	"mox/authres"
)

// rsaChain returns a message of some 50 KB with three sets of RSA keys of 2048 bits.
func rsaChain(b *testing.B) (*world, []byte) {
	b.Helper()
	w := newWorld(b)
	m := newMail()
	m.body = strings.Repeat("This is a line of a message that was forwarded several times.\r\n", 800)
	key, err := rsa.GenerateKey(nil, 2048)
	if err != nil {
		b.Fatal(err)
	}
	change := replace("ed25519-", "rsa-")
	for _, d := range []string{"hop1.example", "hop2.example", "hop3.example"} {
		w.publish("ams", d, key)
		w.publish("as", d, key)
		w.seal(m, hop{ams: change, as: change})
	}
	return w, []byte(m.String())
}

func BenchmarkVerify3Hops(b *testing.B) {
	w, msg := rsaChain(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		v := arc.NewVerifier(context.Background(), w.resolver, arc.Options{Now: clock})
		v.Write(msg)
		if r := v.Results(context.Background()); r.Status != arc.StatusPass {
			b.Fatal(r.Err)
		}
	}
}

func BenchmarkVerifyNone(b *testing.B) {
	w := newWorld(b)
	msg := []byte(newMail().String())
	b.ReportAllocs()
	for b.Loop() {
		v := arc.NewVerifier(context.Background(), w.resolver, arc.Options{})
		v.Write(msg)
		if r := v.Results(context.Background()); r.Status != arc.StatusNone {
			b.Fatal(r.Err)
		}
	}
}

func BenchmarkSeal4thHop(b *testing.B) {
	w, msg := rsaChain(b)
	w.publish("s", "hop4.example", w.key("as", "hop3.example"))
	s := w.sealer("hop4.example")
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		m := s.NewMessage()
		m.Write(msg)
		if _, err := m.Fields(arc.StatusPass, authres.Results{AuthservID: "mx.example"}); err != nil {
			b.Fatal(err)
		}
	}
}
