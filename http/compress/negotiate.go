package compress

import "strings"

// Encoding is a content coding (RFC 9110 §8.4.1). The zero value is Identity.
type Encoding uint8

// The content codings known.
const (
	Identity Encoding = iota // As it is.
	Gzip
	Brotli
	Zstd
)

// Encodings is the number of encodings, for arrays indexed by one.
const Encodings = 4

// String returns the name in Accept-Encoding and Content-Encoding: "identity", "gzip",
// "br" or "zstd".
func (e Encoding) String() string {
	switch e {
	case Gzip:
		return "gzip"
	case Brotli:
		return "br"
	case Zstd:
		return "zstd"
	}
	return "identity"
}

// Extension returns what the names of files compressed so end with: ".gz", ".br",
// ".zst", or "" for Identity.
func (e Encoding) Extension() string {
	switch e {
	case Gzip:
		return ".gz"
	case Brotli:
		return ".br"
	case Zstd:
		return ".zst"
	}
	return ""
}

// Accepted is what a client says about encodings in Accept-Encoding. The zero value is
// of a client that takes nothing but the plain form.
type Accepted struct {
	weight [Encodings]int16 // In thousandths; 0 refuses.

	// IdentityRefused tells that the client said "identity;q=0", or "*;q=0" without
	// naming identity.
	IdentityRefused bool
}

// Weight returns how much the client wants e, from 0 (not at all) to 1000.
func (a Accepted) Weight(e Encoding) int { return int(a.weight[e]) }

// Any tells whether there is an encoding other than Identity that the client takes.
func (a Accepted) Any() bool { return a.weight[Gzip]|a.weight[Brotli]|a.weight[Zstd] != 0 }

// ParseAccept parses the values of Accept-Encoding fields (RFC 9110 §12.5.3), several of
// which count as one list. Elements that are not well-formed are passed over, so they
// refuse and ask for nothing. Of an encoding named twice the last one counts. Without a
// field the RFC allows any encoding; since clients that send none rarely mean that, they
// get the plain form.
func ParseAccept(values []string) Accepted {
	a := Accepted{}
	a.weight[Identity] = 1
	if len(values) == 0 {
		return a
	}
	var named [Encodings]bool
	any, anySet := int16(0), false
	for _, v := range values {
		for elem := range strings.SplitSeq(v, ",") {
			name, weight, ok := parseElement(elem)
			if !ok {
				continue
			}
			if name == "*" {
				any, anySet = weight, true
				continue
			}
			if e, ok := encodingOf(name); ok {
				a.weight[e], named[e] = weight, true
			}
		}
	}
	if anySet {
		for e := range a.weight {
			if !named[e] {
				a.weight[e] = any
			}
		}
	}
	a.IdentityRefused = a.weight[Identity] == 0
	return a
}

// encodingOf finds an encoding by its name, which is not sensitive to case. A client that
// says "x-gzip" means gzip (RFC 9110 §8.4.1.3).
func encodingOf(name string) (Encoding, bool) {
	switch {
	case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
		return Gzip, true
	case strings.EqualFold(name, "br"):
		return Brotli, true
	case strings.EqualFold(name, "zstd"):
		return Zstd, true
	case strings.EqualFold(name, "identity"):
		return Identity, true
	}
	return Identity, false
}

// parseElement parses `codings [ weight ]`.
func parseElement(s string) (name string, weight int16, ok bool) {
	name, params, found := strings.Cut(s, ";")
	name = trimOWS(name)
	if !isToken(name) {
		return "", 0, false
	}
	if !found {
		return name, 1000, true
	}
	q, value, found := strings.Cut(trimOWS(params), "=")
	if !found || q != "q" && q != "Q" {
		return "", 0, false
	}
	weight, ok = parseWeight(value)
	return name, weight, ok
}

// parseWeight parses a qvalue of RFC 9110 §12.4.2, into thousandths.
func parseWeight(s string) (int16, bool) {
	if s == "" || len(s) > len("0.000") || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	weight, unit := int16(s[0]-'0')*1000, int16(100)
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		weight += int16(s[i]-'0') * unit
		unit /= 10
	}
	return weight, weight <= 1000
}

func trimOWS(s string) string { return strings.Trim(s, " \t") }

// isToken tells whether s is a token of RFC 9110 §5.6.2.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// Best returns the one of offers that the client wants most; of those it wants alike, the
// first. It returns Identity when none is wanted, and also when the client wants Identity
// more and said so.
//
// A client that refuses Identity and takes none of the offers gets Identity all the same:
// RFC 9110 §12.5.3 leaves that open, and content that a client may fail to use serves it
// better than a 406 that it cannot use for sure.
func (a Accepted) Best(offers ...Encoding) Encoding {
	best := Identity
	for _, e := range offers {
		// "identity;q=0.5, gzip;q=0.4" wants the plain form more. Not naming identity does
		// not say how much it is wanted, only that it is acceptable.
		if w := a.weight[e]; w > 0 && w >= a.weight[Identity] && (best == Identity || w > a.weight[best]) {
			best = e
		}
	}
	return best
}

// Negotiate parses Accept-Encoding and returns the best of offers, which stand in the
// order the server prefers: see [ParseAccept] and [Accepted.Best].
func Negotiate(acceptEncoding []string, offers ...Encoding) Encoding {
	return ParseAccept(acceptEncoding).Best(offers...)
}
