package arc

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mox/dkim"
	"mox/dns"
)

// Seal is an ARC-Seal field (RFC 8617 §4.1.3): the signature of a set and those before it.
type Seal struct {
	Instance  int            // i=
	Algorithm dkim.Algorithm // a=, in lower case.
	Signature []byte         // b=
	Status    Status         // cv=: what whoever sealed the message found of the chain before.
	Domain    dns.Domain     // d=
	Selector  dns.Domain     // s=
	Time      time.Time      // t=. Zero if absent.
}

// ParseSeal parses an ARC-Seal field: name, colon and value. Errors wrap [ErrInstance],
// [ErrSealHeader], [ErrChainStatus], [dkim.ErrSyntax] or [dkim.ErrMissingTag]. Tags that are not
// known are ignored.
func ParseSeal(field []byte) (*Seal, error) {
	tags, _, err := tagList(field)
	if err != nil {
		return nil, err
	}
	if _, ok := tags.Get("h"); ok {
		return nil, ErrSealHeader
	}
	s := &Seal{}
	for _, name := range []string{"i", "a", "b", "cv", "d", "s"} {
		t, ok := tags.Get(name)
		if !ok {
			return nil, fmt.Errorf("%w %s=", dkim.ErrMissingTag, name)
		}
		switch name {
		case "i":
			s.Instance, err = parseInstance(t.Value)
		case "a":
			s.Algorithm = dkim.Algorithm(strings.ToLower(t.Value))
		case "b":
			s.Signature, err = dkim.DecodeBase64(t.Value)
		case "cv":
			if s.Status, ok = parseStatus(t.Value); !ok {
				err = fmt.Errorf("%w %.20q", ErrChainStatus, t.Value)
			}
		case "d":
			s.Domain, err = dkim.ParseDomainTag(t.Value)
		case "s":
			s.Selector, err = dkim.ParseSelectorTag(t.Value)
		}
		if err != nil {
			return nil, fmt.Errorf("%w (%s=)", err, name)
		}
	}
	if t, ok := tags.Get("t"); ok {
		seconds, err := strconv.ParseUint(t.Value, 10, 40) // 12 digits, RFC 6376 §3.5.
		if err != nil {
			return nil, fmt.Errorf("%w (t=)", dkim.ErrSyntax)
		}
		s.Time = time.Unix(int64(seconds), 0)
	}
	return s, nil
}

// AppendField appends the field, folded and with CRLF, with A-labels. The value of b= comes last.
func (s *Seal) AppendField(dst []byte) []byte {
	dst = s.appendUnsigned(dst)
	b := base64.StdEncoding.EncodeToString(s.Signature)
	for len(b) > 0 {
		n := min(len(b), 72)
		dst = append(dst, "\r\n\t"...)
		dst = append(dst, b[:n]...)
		b = b[n:]
	}
	return append(dst, "\r\n"...)
}

// appendUnsigned appends the field up to "b=".
func (s *Seal) appendUnsigned(dst []byte) []byte {
	dst = fmt.Appendf(dst, SealField+": i=%d; a=%s; cv=%s;\r\n\td=%s;\r\n\ts=%s;\r\n\t", s.Instance, s.Algorithm, s.Status, s.Domain, s.Selector)
	if !s.Time.IsZero() {
		dst = fmt.Appendf(dst, "t=%d; ", s.Time.Unix())
	}
	return append(dst, "b="...)
}
