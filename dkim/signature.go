package dkim

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"mox/dns"
	"mox/message"
	"mox/smtp"
)

// Names of the fields that hold a [Signature].
const (
	SignatureField           = "DKIM-Signature"
	ARCMessageSignatureField = "ARC-Message-Signature" // RFC 8617 §4.1.2.
)

// Signature is a DKIM-Signature field (RFC 6376 §3.5), or an ARC-Message-Signature, which
// is the same but for v= and i= (RFC 8617 §4.1.2).
type Signature struct {
	// Instance is the i= of an ARC-Message-Signature, which it makes the Signature if not
	// zero.
	Instance int

	Algorithm       Algorithm        // a=
	Signature       []byte           // b=
	BodyHash        []byte           // bh=
	Header          Canonicalization // c=, the first part. Empty is Simple when composing.
	Body            Canonicalization // c=, the second part. Empty is Simple when composing.
	Domain          dns.Domain       // d=
	SignedFields    []string         // h=, in the case as written.
	Identity        *Identity        // i= of a DKIM-Signature. Nil if absent.
	Length          int64            // l=, in octets. WholeBody if absent.
	QueryMethods    []string         // q=, each as written. Nil if absent.
	Selector        dns.Domain       // s=
	Time            time.Time        // t=. Zero if absent.
	Expires         time.Time        // x=. Zero if absent.
	CopiedFields    []string         // z=, decoded, each with name, colon and value.
	base64Signature string           // b= as written without white space.
}

// Identity is the agent or user on whose behalf a message is signed (RFC 6376 §2.6). It
// looks like an address, but need not be one.
type Identity struct {
	// Localpart is empty if HasLocalpart is not set.
	Localpart    smtp.Localpart
	HasLocalpart bool
	Domain       dns.Domain
}

// String returns the identity as in i=, not encoded.
func (i Identity) String() string { return i.XString(false) }

// XString returns the identity with the domain in Unicode or not.
func (i Identity) XString(utf8 bool) string {
	s := "@" + i.Domain.XName(utf8)
	if i.HasLocalpart {
		s = i.Localpart.String() + s
	}
	return s
}

// AUID returns the identity, which is the signing domain without i= (RFC 6376 §6.1.1).
func (s *Signature) AUID() Identity {
	if s.Identity != nil {
		return *s.Identity
	}
	return Identity{Domain: s.Domain}
}

// Signs tells how often h= has the name of a field, in any case.
func (s *Signature) Signs(name string) int {
	n := 0
	for _, f := range s.SignedFields {
		if strings.EqualFold(f, name) {
			n++
		}
	}
	return n
}

// ParseSignature parses a header field with a signature, named DKIM-Signature or
// ARC-Message-Signature. The syntax and what RFC 6376 §6.1.1 requires of the field alone
// is checked; whether algorithm and canonicalizations are implemented is for
// [Signature.Check] to say. The error wraps [ErrSyntax], [ErrMissingTag], [ErrVersion],
// [ErrDomainMismatch] or [ErrFromNotSigned].
func ParseSignature(field []byte) (*Signature, error) {
	s, _, err := parseSignature(field)
	return s, err
}

// parseSignature returns also where the field has the value of b=.
func parseSignature(field []byte) (*Signature, span, error) {
	var f message.Field
	for f = range message.Fields(field) {
		break
	}
	arc := f.Is(ARCMessageSignatureField)
	if !arc && !f.Is(SignatureField) || len(f.Raw) != len(field) {
		return nil, span{}, fmt.Errorf("%w: not a signature field", ErrSyntax)
	}
	tags, err := ParseTagList(f.Value)
	if err != nil {
		return nil, span{}, err
	}
	s := &Signature{Header: Simple, Body: Simple, Length: WholeBody}
	if !arc {
		if v, ok := tags.Get("v"); !ok {
			return nil, span{}, fmt.Errorf("%w v=", ErrMissingTag)
		} else if v.Value != "1" {
			return nil, span{}, fmt.Errorf("%w %.20q", ErrVersion, v.Value)
		}
	}
	if err := s.parseTags(tags, arc); err != nil {
		return nil, span{}, err
	}
	for _, name := range []string{"a", "b", "bh", "d", "h", "s"} {
		if _, ok := tags.Get(name); !ok {
			return nil, span{}, fmt.Errorf("%w %s=", ErrMissingTag, name)
		}
	}
	b, _ := tags.Get("b")
	colon := bytes.IndexByte(field, ':') + 1
	return s, span{colon + b.Start, colon + b.End}, s.validate(arc)
}

// parseTags sets the fields of s from tags.
func (s *Signature) parseTags(tags TagList, arc bool) error {
	for _, t := range tags {
		var err error
		switch t.Name {
		case "a":
			s.Algorithm, err = parseAlgorithm(t.Value)
		case "b":
			s.base64Signature = removeFWS(t.Value)
			s.Signature, err = DecodeBase64(s.base64Signature)
		case "bh":
			s.BodyHash, err = DecodeBase64(t.Value)
		case "c":
			s.Header, s.Body, err = parseCanonicalizations(t.Value)
		case "d":
			s.Domain, err = ParseDomainTag(t.Value)
		case "h":
			s.SignedFields, err = parseSignedFields(t.Value)
		case "i":
			if arc {
				s.Instance, err = parseInstance(t.Value)
			} else {
				s.Identity, err = parseIdentity(t.Value)
			}
		case "l":
			s.Length, err = parseNumber(t.Value, 76)
		case "q":
			s.QueryMethods, err = parseQueryMethods(t.Value)
		case "s":
			s.Selector, err = ParseSelectorTag(t.Value)
		case "t":
			s.Time, err = parseTime(t.Value)
		case "x":
			s.Expires, err = parseTime(t.Value)
		case "z":
			s.CopiedFields, err = parseCopiedFields(t.Value)
		}
		if err != nil {
			return fmt.Errorf("%w (%s=)", err, t.Name)
		}
	}
	return nil
}

// validate checks what RFC 6376 §3.5 and §6.1.1 say about tags together.
func (s *Signature) validate(arc bool) error {
	if !s.Time.IsZero() && !s.Expires.IsZero() && !s.Expires.After(s.Time) {
		return fmt.Errorf("%w: expires before it was made", ErrSyntax)
	}
	if s.Algorithm == RSASHA256 || s.Algorithm == Ed25519SHA256 {
		if len(s.BodyHash) != 32 {
			return fmt.Errorf("%w: body hash of %d bytes", ErrSyntax, len(s.BodyHash))
		}
	}
	if arc {
		if s.Instance == 0 {
			return fmt.Errorf("%w i=", ErrMissingTag)
		}
	} else if d := s.AUID().Domain; d != s.Domain && !strings.HasSuffix(d.ASCII, "."+s.Domain.ASCII) {
		return fmt.Errorf("%w: %s is not below %s", ErrDomainMismatch, d, s.Domain)
	}
	if s.Signs("From") == 0 {
		return ErrFromNotSigned
	}
	return nil
}

// Check tells whether the signature can be verified at a time by what is implemented: its
// algorithm, canonicalizations and query methods are known and it has not expired. The
// error wraps [ErrAlgorithm], [ErrSHA1], [ErrCanonicalization], [ErrQuery] or
// [ErrExpired].
func (s *Signature) Check(now time.Time) error {
	if err := s.Algorithm.check(); err != nil {
		return err
	}
	for _, c := range []Canonicalization{s.Header, s.Body} {
		if !c.known() {
			return fmt.Errorf("%w %.40q", ErrCanonicalization, string(c))
		}
	}
	known := s.QueryMethods == nil
	for _, m := range s.QueryMethods {
		known = known || strings.EqualFold(m, "dns/txt")
	}
	if !known {
		return ErrQuery
	}
	if !s.Expires.IsZero() && now.After(s.Expires) {
		return fmt.Errorf("%w at %s", ErrExpired, s.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// HeaderHash returns the hash that b= signs: of the fields of h that the signature
// selects, and of its own field. raw is that field, and index its place among the
// fields of h, or -1 if it is not there. The signature must have passed Check.
func (s *Signature) HeaderHash(h *Header, raw []byte, index int) ([32]byte, error) {
	value, err := findSignature(raw)
	if err != nil {
		return [32]byte{}, err
	}
	return s.headerHash(h, raw, value, index), nil
}

// headerHash is HeaderHash for a field whose value of b= has been found.
func (s *Signature) headerHash(h *Header, raw []byte, value span, index int) [32]byte {
	hasher := NewHeaderHasher(s.Header)
	hasher.buf, hasher.rest = make([]byte, 0, 1024), make([]byte, 0, len(raw))
	for f := range h.Select(s.SignedFields, index) {
		hasher.Field(f.Raw)
	}
	hasher.unsigned(raw, value)
	return hasher.Sum()
}

func parseAlgorithm(value string) (Algorithm, error) {
	a := lowerString(value)
	key, hash, ok := strings.Cut(a, "-")
	if !ok || !isAlphanumeric(key) || !isAlphanumeric(hash) {
		return "", fmt.Errorf("%w: algorithm", ErrSyntax)
	}
	return Algorithm(a), nil
}

// isAlphanumeric tells whether s is a letter and further letters and digits, in lower case.
func isAlphanumeric(s string) bool {
	return isHyphenatedWord(s) && strings.IndexByte(s, '-') < 0
}

func parseCanonicalizations(value string) (header, body Canonicalization, err error) {
	h, b, ok := strings.Cut(lowerString(value), "/")
	if !ok {
		b = string(Simple)
	}
	if !isHyphenatedWord(h) || !isHyphenatedWord(b) {
		return "", "", fmt.Errorf("%w: canonicalization", ErrSyntax)
	}
	return Canonicalization(h), Canonicalization(b), nil
}

// ParseDomainTag parses the value of d=: a name of at least two labels, in A-labels or
// U-labels (RFC 6376 §3.5, RFC 8616 §5). Errors wrap [ErrSyntax].
func ParseDomainTag(value string) (dns.Domain, error) {
	d, err := ParseSelectorTag(value)
	if err == nil && !strings.Contains(d.ASCII, ".") {
		return dns.Domain{}, fmt.Errorf("%w: domain of one label", ErrSyntax)
	}
	return d, err
}

// ParseSelectorTag parses the value of s= (RFC 6376 §3.1). Underscores are taken,
// because they are used. Errors wrap [ErrSyntax].
func ParseSelectorTag(value string) (dns.Domain, error) {
	d, err := dns.ParseDomainLax(value)
	if err != nil || strings.HasSuffix(value, ".") {
		return dns.Domain{}, fmt.Errorf("%w: domain name", ErrSyntax)
	}
	return d, nil
}

func parseSignedFields(value string) ([]string, error) {
	l := splitList(value)
	for _, name := range l {
		if !message.ValidFieldName(name) {
			return nil, fmt.Errorf("%w: field name", ErrSyntax)
		}
	}
	return l, nil
}

// parseQueryMethods parses the list of q=, each method a type that may have arguments
// (RFC 6376 §3.5).
func parseQueryMethods(value string) ([]string, error) {
	l := splitList(value)
	for i, m := range l {
		typ, args, ok := strings.Cut(m, "/")
		if !isHyphenatedWord(lowerString(typ)) {
			return nil, fmt.Errorf("%w: query method", ErrSyntax)
		}
		if _, err := decodeQP(args, true); err != nil {
			return nil, err
		}
		if ok {
			l[i] = typ + "/" + removeFWS(args)
		}
	}
	return l, nil
}

func parseInstance(value string) (int, error) {
	n, err := parseNumber(value, 3)
	if err == nil && n == 0 {
		return 0, fmt.Errorf("%w: instance", ErrSyntax)
	}
	return int(n), err
}

func parseIdentity(value string) (*Identity, error) {
	s, err := decodeQP(value, true)
	if err != nil {
		return nil, err
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return nil, fmt.Errorf("%w: identity without @", ErrSyntax)
	}
	id := &Identity{HasLocalpart: at > 0}
	if id.Domain, err = ParseDomainTag(s[at+1:]); err != nil {
		return nil, err
	}
	if id.HasLocalpart {
		if id.Localpart, err = smtp.ParseLocalpart(s[:at]); err != nil {
			return nil, fmt.Errorf("%w: local part", ErrSyntax)
		}
	}
	return id, nil
}

// parseNumber parses an unsigned decimal number of at most the given count of digits.
// Numbers that do not fit become the largest one.
func parseNumber(value string, digits int) (int64, error) {
	for i := range len(value) {
		if value[i] < '0' || value[i] > '9' {
			return 0, fmt.Errorf("%w: number", ErrSyntax)
		}
	}
	if value == "" || len(value) > digits {
		return 0, fmt.Errorf("%w: number of %d digits", ErrSyntax, len(value))
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		n = math.MaxInt64
	}
	return n, nil
}

// maxTime has 12 digits; a later time is as good as that (RFC 6376 §3.5, t=).
const maxTime = 999999999999

func parseTime(value string) (time.Time, error) {
	n, err := parseNumber(value, 76)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(min(n, maxTime), 0), nil
}

func parseCopiedFields(value string) ([]string, error) {
	var l []string
	for s := range strings.SplitSeq(value, "|") {
		name, val, ok := strings.Cut(s, ":")
		name = trimFWS(name)
		if !ok || !message.ValidFieldName(name) {
			return nil, fmt.Errorf("%w: copied field", ErrSyntax)
		}
		val, err := decodeQP(val, true)
		if err != nil {
			return nil, err
		}
		l = append(l, name+":"+val)
	}
	return l, nil
}

// AppendField appends the header field with the signature to dst, folded and with CRLF, and
// returns it. With utf8 domains are in Unicode, as they should be in a header that has
// other characters than ASCII (RFC 8616 §5). The value of b= comes last.
func (s *Signature) AppendField(dst []byte, utf8 bool) []byte {
	dst = s.appendUnsigned(dst, utf8)
	return appendSignature(dst, s.Signature)
}

// appendUnsigned appends the field up to and including "b=".
func (s *Signature) appendUnsigned(dst []byte, utf8 bool) []byte {
	f := &folder{b: dst}
	if s.Instance > 0 {
		f.raw(ARCMessageSignatureField + ":")
		f.tag("i=" + strconv.Itoa(s.Instance))
	} else {
		f.raw(SignatureField + ":")
		f.tag("v=1")
	}
	f.tag("a=" + string(s.Algorithm))
	f.tag("c=" + orSimple(s.Header) + "/" + orSimple(s.Body))
	f.tag("d=" + s.Domain.XName(utf8))
	f.tag("s=" + s.Selector.XName(utf8))
	if s.Identity != nil && s.Instance == 0 {
		local, domain := "", s.Identity.Domain.XName(utf8)
		if s.Identity.HasLocalpart {
			local = encodeQP(s.Identity.Localpart.String(), "")
		}
		f.tag("i=" + local + "@" + domain)
	}
	if s.QueryMethods != nil {
		f.tag("q=" + strings.Join(s.QueryMethods, ":"))
	}
	if !s.Time.IsZero() {
		f.tag("t=" + strconv.FormatInt(s.Time.Unix(), 10))
	}
	if !s.Expires.IsZero() {
		f.tag("x=" + strconv.FormatInt(s.Expires.Unix(), 10))
	}
	if s.Length >= 0 {
		f.tag("l=" + strconv.FormatInt(s.Length, 10))
	}
	for i, name := range s.SignedFields {
		sep := ":"
		if i == len(s.SignedFields)-1 {
			sep = ";"
		}
		if i == 0 {
			f.word(" h=" + name + sep)
		} else {
			f.word(name + sep)
		}
	}
	for i, field := range s.CopiedFields {
		name, value, _ := strings.Cut(field, ":")
		if i == 0 {
			name = " z=" + name
		}
		f.word(name + ":")
		sep := "|"
		if i == len(s.CopiedFields)-1 {
			sep = ";"
		}
		f.long(encodeQP(value, "|") + sep)
	}
	f.tag("bh=" + base64.StdEncoding.EncodeToString(s.BodyHash))
	f.word(" b=")
	return f.b
}

func orSimple(c Canonicalization) string {
	if c == "" {
		c = Simple
	}
	return string(c)
}

// appendSignature appends the value of b= and ends the field.
func appendSignature(dst, sig []byte) []byte {
	f := &folder{b: dst}
	f.col = len(dst) - 1 - bytes.LastIndexByte(dst, '\n')
	f.long(base64.StdEncoding.EncodeToString(sig))
	return append(f.b, "\r\n"...)
}
