package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"mox/dns"
)

// rfc6376Message is the message of RFC 6376 appendix A.2.
const rfc6376Message = `DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
`

// rfc6376Key is the record of RFC 6376 appendix C.
const rfc6376Key = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ" +
	"KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt" +
	"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v" +
	"/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi" +
	"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"

// rfc8463Message is the message of RFC 8463 appendix A.3.
const rfc8463Message = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`

const rfc8463Ed25519Key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

const rfc8463RSAKey = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR" +
	"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC" +
	"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3" +
	"Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

// crlf returns s with LF turned into CRLF.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func rfcResolver() *dns.MemResolver {
	return &dns.MemResolver{TXT: map[string][]string{
		"brisbane._domainkey.example.com":          {rfc6376Key},
		"brisbane._domainkey.football.example.com": {rfc8463Ed25519Key},
		"test._domainkey.football.example.com":     {rfc8463RSAKey},
	}}
}

func verifyString(t *testing.T, resolver dns.Resolver, msg string, opts Options) []Result {
	t.Helper()
	results, err := Verify(context.Background(), resolver, strings.NewReader(msg), opts)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// TestRFC6376Example verifies the message of RFC 6376 §A.3 with the key of §C.
func TestRFC6376Example(t *testing.T) {
	t.Parallel()
	results := verifyString(t, rfcResolver(), crlf(rfc6376Message), Options{})
	if len(results) != 1 || results[0].Status != StatusPass {
		t.Fatalf("got %+v", results)
	}
}

// TestRFC8463Example verifies the message of RFC 8463 §A.3.
func TestRFC8463Example(t *testing.T) {
	t.Parallel()
	results := verifyString(t, rfcResolver(), crlf(rfc8463Message), Options{})
	if len(results) != 2 || results[0].Status != StatusPass || results[1].Status != StatusPass {
		t.Fatalf("got %+v", results)
	}
}

// rfc6376PrivateKey is the key of RFC 6376 appendix C.
const rfc6376PrivateKey = `-----BEGIN RSA PRIVATE KEY-----
MIICXwIBAAKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFC
jxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gb
to/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB
AoGBALmn+XwWk7akvkUlqb+dOxyLB9i5VBVfje89Teolwc9YJT36BGN/l4e0l6QX
/1//6DWUTB3KI6wFcm7TWJcxbS0tcKZX7FsJvUz1SbQnkS54DJck1EZO/BLa5ckJ
gAYIaqlA9C0ZwM6i58lLlPadX/rtHb7pWzeNcZHjKrjM461ZAkEA+itss2nRlmyO
n1/5yDyCluST4dQfO8kAB3toSEVc7DeFeDhnC1mZdjASZNvdHS4gbLIA1hUGEF9m
3hKsGUMMPwJBAPW5v/U+AWTADFCS22t72NUurgzeAbzb1HWMqO4y4+9Hpjk5wvL/
eVYizyuce3/fGke7aRYw/ADKygMJdW8H/OcCQQDz5OQb4j2QDpPZc0Nc4QlbvMsj
7p7otWRO5xRa6SzXqqV3+F0VpqvDmshEBkoCydaYwc2o6WQ5EBmExeV8124XAkEA
qZzGsIxVP+sEVRWZmW6KNFSdVUpk3qzK0Tz/WjQMe5z0UunY9Ax9/4PVhp/j61bf
eAYXunajbBSOLlx4D+TunwJBANkPI5S9iylsbLs6NkaMHV6k5ioHBBmgCak95JGX
GMot/L2x0IYyMLAz6oLWh2hm7zwtb0CgOrPo1ke44hFYnfc=
-----END RSA PRIVATE KEY-----
`

// rfc8463RSAPrivateKey and rfc8463Ed25519Seed are the keys of RFC 8463 appendix A.1.
const rfc8463RSAPrivateKey = `-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
`

const rfc8463Ed25519Seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="

// TestRFCExamplesSigned signs the examples with their keys: since both algorithms are deterministic, b= must be what the
// documents have (RFC 6376 §5.5, §A.2; RFC 8463 §3, §A.1, §A.3). A change of the message must give another.
func TestRFCExamplesSigned(t *testing.T) {
	t.Parallel()
	parse := func(text string) crypto.Signer {
		key, err := ParsePrivateKey([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	seed, err := base64.StdEncoding.DecodeString(rfc8463Ed25519Seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		section, message string
		index            int
		key              crypto.Signer
	}{
		{"RFC 6376 §A.2", rfc6376Message, 0, parse(rfc6376PrivateKey)},
		{"RFC 8463 §A.3", rfc8463Message, 0, ed25519.NewKeyFromSeed(seed)},
		{"RFC 8463 §A.3", rfc8463Message, 1, parse(rfc8463RSAPrivateKey)},
	} {
		for _, changed := range []bool{false, true} {
			message := crlf(tc.message)
			if changed {
				message = strings.Replace(message, "dinner", "lunch", 1)
			}
			header, body, _ := strings.Cut(message, "\r\n\r\n")
			h := ParseHeader([]byte(header + "\r\n"))
			raw := h.Fields()[tc.index].Raw
			s, err := ParseSignature(raw)
			if err != nil {
				t.Fatal(err)
			}
			if sum := bodyIn(s.Body, []byte(body), 100); !bytes.Equal(sum[:], s.BodyHash) {
				t.Errorf("%s: bh= %x", tc.section, sum)
			}
			hash, err := s.HeaderHash(h, raw, tc.index)
			if err != nil {
				t.Fatal(err)
			}
			sig, err := SignHash(tc.key, hash)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(sig, s.Signature) == changed {
				t.Errorf("%s: changed %v: b= %x", tc.section, changed, sig)
			}
		}
	}
}
