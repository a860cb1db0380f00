package arc_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"

	"mox/arc"
	"mox/dkim"
)

// What is parsed of a seal is the same after writing it.
func FuzzParseSeal(f *testing.F) {
	w := newWorld(f)
	f.Add([]byte(w.chain(1).sets[0][2]))
	f.Add([]byte("ARC-Seal: (a) i (b) = 1 (c;) ; a=rsa-sha256; b=dGVzdA==; cv=Pass; d=münchen.example; s=a.b\r\n"))
	f.Add([]byte("ARC-Seal:i=50;a=x-y;cv=fail;d=a.b;s=c;t=999999999999;b=AA AA\r\n\t==\r\n"))
	f.Add([]byte("ARC-Seal: i=1; a=b; h=from; b=AAAA; cv=none; d=a.b; s=c\r\n"))
	f.Fuzz(func(t *testing.T, field []byte) {
		s, err := arc.ParseSeal(field)
		if err != nil {
			return
		}
		again, err := arc.ParseSeal(s.AppendField(nil))
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Fatalf("%q: got %+v, %v; want %+v", s.AppendField(nil), again, err, s)
		}
	})
}

// Sizes of pieces do not matter, and what a sealer adds to anything validates.
func FuzzVerifier(f *testing.F) {
	w := newWorld(f)
	f.Add([]byte(newMail().String()), uint8(1))
	f.Add([]byte(w.chain(1).String()), uint8(7))
	f.Add([]byte(w.chain(3).String()), uint8(200))
	changed := w.chain(2)
	changed.body += "x\r\n"
	w.seal(changed, hop{})
	f.Add([]byte(changed.String()), uint8(3))
	failed := w.chain(1)
	w.seal(failed, hop{cv: "fail"})
	f.Add([]byte(failed.String()), uint8(3))
	f.Add([]byte(appendixB), uint8(50))
	sealer := w.sealer("fuzz.example")
	f.Fuzz(func(t *testing.T, msg []byte, piece uint8) {
		opts := arc.Options{Now: clock, MaxHeader: 64 << 10}
		whole, err := arc.Verify(context.Background(), w.resolver, bytes.NewReader(msg), opts)
		if err != nil {
			t.Fatal(err)
		}
		v := arc.NewVerifier(context.Background(), w.resolver, opts)
		defer v.Close()
		for b := msg; len(b) > 0; {
			n := min(len(b), int(piece)+1)
			v.Write(b[:n])
			b = b[n:]
		}
		r := v.Results(context.Background())
		if r.Status != whole.Status || r.OldestPass != whole.OldestPass || len(r.Sets) != len(whole.Sets) {
			t.Fatalf("in pieces %+v, whole %+v", r, whole)
		}
		if (r.Status == arc.StatusFail) != (r.Err != nil) {
			t.Fatalf("status %s with %v", r.Status, r.Err)
		}

		fields, err := sealed(sealer, string(msg), r.Status)
		switch {
		case errors.Is(err, arc.ErrFull), errors.Is(err, arc.ErrFailedBefore), errors.Is(err, dkim.ErrHeader), errors.Is(err, dkim.ErrHeaderTooLarge):
			return
		case err != nil:
			t.Fatal(err)
		}
		after, err := arc.Verify(context.Background(), w.resolver, bytes.NewReader(append([]byte(fields), msg...)), arc.Options{Now: clock})
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Status == arc.StatusFail && !errors.Is(after.Err, arc.ErrFailedBefore), r.Status != arc.StatusFail && after.Status != arc.StatusPass:
			t.Fatalf("%s becomes %s, %v", r.Status, after.Status, after.Err)
		}
	})
}
