package sasl

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
)

// ErrNoMechanism says that the server offers no mechanism that can be used.
var ErrNoMechanism = errors.New("server offers no mechanism to authenticate that can be used")

// NewClient returns the client's side of the best mechanism that the server offers for a
// user name and password; names are in upper case. It returns [ErrNoMechanism] if there is
// none. cs is the TLS connection, nil without.
//
// With SCRAM the password is not sent, and with its -PLUS variants nobody between client and
// server can be part of the exchange. Without them, who can change what the server offers can
// choose the mechanism: use TLS with a verified certificate.
func NewClient(offered []string, c Credentials, cs *tls.ConnectionState) (Client, error) {
	bindings := ChannelBindings(cs)
	has := func(m string) bool { return slices.Contains(offered, m) }
	if len(bindings) > 0 {
		for _, m := range []string{SCRAMSHA256Plus, SCRAMSHA1Plus} {
			if has(m) {
				return NewSCRAMClient(m, c, bindings)
			}
		}
	}
	if slices.ContainsFunc(offered, func(m string) bool { return strings.HasSuffix(m, plusSuffix) }) {
		// It does bind, but nothing that this client knows. To say that it does not would be
		// taken for an attack.
		bindings = nil
	}
	for _, m := range []string{SCRAMSHA256, SCRAMSHA1} {
		if has(m) {
			return NewSCRAMClient(m, c, bindings)
		}
	}
	actsAsOther := c.AuthzID != "" && c.AuthzID != c.Username
	switch {
	case cs == nil && has(CRAMMD5) && !actsAsOther:
		return NewCRAMMD5Client(c), nil // Better than the password in the clear.
	case has(Plain):
		return NewPlainClient(c), nil
	case has(Login) && !actsAsOther:
		return NewLoginClient(c), nil
	case has(CRAMMD5) && !actsAsOther:
		return NewCRAMMD5Client(c), nil
	}
	return nil, ErrNoMechanism
}
