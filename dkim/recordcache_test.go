package dkim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"mox/dns"
)

func TestRecordCache(t *testing.T) {
	t.Parallel()
	c := NewRecordCache()
	text := func(i int) string { return fmt.Sprintf("v=DKIM1; n=%d; p=", i) }
	first, err := c.Parse(text(0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 * maxCached {
		r, err := c.Parse(text(i))
		if err != nil || r.Notes != fmt.Sprint(i) {
			t.Fatalf("record %d: %+v, %v", i, r, err)
		}
		if again, err := c.Parse(text(0)); again != first || err != nil {
			t.Fatalf("a record that is used is parsed again: %+v, %v", again, err)
		}
	}
	if n := len(c.now) + len(c.then); n > 2*maxCached {
		t.Errorf("cache of %d records", n)
	}
	for _, bad := range []string{"", "v=DKIM1", "v=DKIM1; p=?", "k=rsa; p=AAAA"} {
		for range 2 {
			if r, err := c.Parse(bad); r != nil || !errors.Is(err, ErrKeySyntax) {
				t.Errorf("%q: %+v, %v", bad, r, err)
			}
		}
	}
	long := "v=DKIM1; n=" + strings.Repeat("x", maxCachedText) + "; p="
	if _, err := c.Parse(long); err != nil || c.now[long] != nil {
		t.Errorf("text of %d bytes is kept, or: %v", len(long), err)
	}
}

// Two verifiers that share what one splits come to the result of one that splits by itself, and know whether the key
// is there.
func TestVerifierReady(t *testing.T) {
	t.Parallel()
	key := testKey(t, "rsa2048")
	record, err := NewRecord(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan struct{}), make(chan struct{})
	mem := &dns.MemResolver{
		TXT: map[string][]string{"rsa2048._domainkey.example.org": {record.String()}},
		Before: func(context.Context, string, string) error {
			close(begun)
			<-release
			return nil
		},
	}
	resolver := dns.NewCache(mem, dns.CacheOptions{})
	msg := naiveSign(t, key, "v=1; d=example.org; h=from; bh=@bh; a=rsa-sha256; s=rsa2048; c=relaxed/relaxed", testMessage)
	cache := NewRecordCache()
	start := func() *Verifier {
		v := NewVerifier(t.Context(), resolver, Options{Records: cache})
		s := Splitter{Body: v.WriteBody, Header: func(header []byte, tooLarge bool) { v.SetHeader(ParseHeader(header), tooLarge) }}
		io.WriteString(&s, msg)
		s.Close()
		return v
	}
	v := start()
	<-begun
	if v.Ready() {
		t.Error("ready without the key")
	}
	close(release)
	first := v.Results(t.Context())
	if len(first) != 1 || first[0].Status != StatusPass {
		t.Fatalf("results %+v", first)
	}
	v = start()
	if !v.Ready() {
		t.Error("not ready although the key is at hand")
	}
	if r := v.Results(t.Context()); len(r) != 1 || r[0].Status != StatusPass || r[0].Record != first[0].Record {
		t.Errorf("results %+v", r)
	}
	if n := mem.Calls("txt rsa2048._domainkey.example.org"); n != 1 {
		t.Errorf("key was looked up %d times", n)
	}
}
