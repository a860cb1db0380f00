package dkim

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What follows does slowly, and in the words of RFC 6376, what the package does fast.

var (
	wspRun   = regexp.MustCompile(`[ \t]+`)
	wspEnd   = regexp.MustCompile(`[ \t]+\r\n`)
	wspLast  = regexp.MustCompile(`[ \t]+$`)
	linesEnd = regexp.MustCompile(`(\r\n)+$`)
)

// naiveBody canonicalizes a body (RFC 6376 §3.4.3, §3.4.4).
func naiveBody(body string, c Canonicalization) string {
	if c == Simple {
		return linesEnd.ReplaceAllString(body, "") + "\r\n"
	}
	body = wspEnd.ReplaceAllString(body, "\r\n")
	body = wspLast.ReplaceAllString(body, "")
	body = wspRun.ReplaceAllString(body, " ")
	body = linesEnd.ReplaceAllString(body, "")
	if body != "" {
		body += "\r\n"
	}
	return body
}

// naiveHeader canonicalizes a field that ends in CRLF (RFC 6376 §3.4.1, §3.4.2).
func naiveHeader(field string, c Canonicalization) string {
	if c == Simple {
		return field
	}
	name, value, _ := strings.Cut(strings.TrimSuffix(field, "\r\n"), ":")
	value = strings.ReplaceAll(value, "\r\n", "")
	value = wspRun.ReplaceAllString(value, " ")
	return strings.ToLower(strings.Trim(name, " \t")) + ":" + strings.Trim(value, " \t") + "\r\n"
}

// naiveFields splits a header into fields.
func naiveFields(header string) []string {
	var l []string
	for line := range strings.SplitAfterSeq(header, "\r\n") {
		if line == "" {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			l[len(l)-1] += line
		} else {
			l = append(l, line)
		}
	}
	return l
}

// naiveSign puts a DKIM-Signature field in front of a message. The value of the field is given
// up to "b=", which comes last; "@bh" in it stands for the body hash.
func naiveSign(t testing.TB, key crypto.Signer, value, msg string) string {
	t.Helper()
	header, body, _ := strings.Cut(msg, "\r\n\r\n")
	tags := map[string]string{}
	for tag := range strings.SplitSeq(value, ";") {
		k, v, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(k)] = strings.TrimSpace(v)
	}
	hc, bc, _ := strings.Cut(strings.ToLower(tags["c"]), "/")
	if hc == "" {
		hc = "simple"
	}
	if bc == "" {
		bc = "simple"
	}
	canonical := naiveBody(body, Canonicalization(bc))
	if n, err := strconv.Atoi(tags["l"]); err == nil && n <= len(canonical) {
		canonical = canonical[:n]
	}
	bodyHash := sha256.Sum256([]byte(canonical))
	value = strings.ReplaceAll(value, "@bh", base64.StdEncoding.EncodeToString(bodyHash[:]))
	field := "DKIM-Signature: " + value + "; b="

	fields := naiveFields(header + "\r\n")
	var signed strings.Builder
	for name := range strings.SplitSeq(tags["h"], ":") {
		for i := len(fields) - 1; i >= 0; i-- {
			n, _, _ := strings.Cut(fields[i], ":")
			if strings.EqualFold(strings.TrimSpace(n), strings.TrimSpace(name)) {
				signed.WriteString(naiveHeader(fields[i], Canonicalization(hc)))
				fields[i] = ":"
				break
			}
		}
	}
	signed.WriteString(strings.TrimSuffix(naiveHeader(field+"\r\n", Canonicalization(hc)), "\r\n"))
	hash := sha256.Sum256([]byte(signed.String()))
	opts := crypto.SHA256
	if _, ok := key.Public().(*rsa.PublicKey); !ok {
		opts = 0
	}
	sig, err := key.Sign(rand.Reader, hash[:], opts)
	if err != nil {
		t.Fatal(err)
	}
	return field + base64.StdEncoding.EncodeToString(sig) + "\r\n" + msg
}

// bodyIn returns what a body hashes to when written in pieces of some size.
func bodyIn(c Canonicalization, body []byte, size int) [32]byte {
	h := NewBodyHasher(c, WholeBody)
	for len(body) > 0 {
		n := min(size, len(body))
		h.Write(bytes.Clone(body[:n]))
		body = body[n:]
	}
	sum, _ := h.Sum(WholeBody)
	return sum
}
