package sasl

import "crypto/tls"

// Types of channel bindings.
const (
	TLSUnique   = "tls-unique"   // RFC 5929 §3, for TLS 1.2.
	TLSExporter = "tls-exporter" // RFC 9266, for TLS 1.3.
)

// exporterLength is the length in bytes of tls-exporter (RFC 9266 §2).
const exporterLength = 32

// ChannelBinding names a secure channel in a way that both of its ends know and nobody can
// choose (RFC 5056). An exchange bound to it cannot be passed on over another channel.
type ChannelBinding struct {
	Type string // As registered, e.g. "tls-exporter".
	Data []byte // Not to be changed.
}

// ChannelBindings returns the bindings of a TLS connection, the default for its version
// first, and none for nil and for a connection that has no safe one. Both ends must see the
// same: the handshake is complete, and there is no renegotiation.
//
// What is safe is decided by crypto/tls: TLS 1.2 has tls-unique if the session was not
// resumed, or the extended master secret (RFC 7627) is in use (RFC 7677 §4), and tls-exporter
// in the latter case only (RFC 9266 §2).
//
// A binding is meant for one exchange on a connection (RFC 9266 §4.1). One that failed may be
// tried again, as SCRAM tells exchanges apart by nonces of both sides.
func ChannelBindings(cs *tls.ConnectionState) []ChannelBinding {
	if cs == nil || !cs.HandshakeComplete || cs.Version < tls.VersionTLS12 {
		return nil
	}
	var l []ChannelBinding
	if len(cs.TLSUnique) > 0 { // Never with TLS 1.3.
		l = append(l, ChannelBinding{TLSUnique, cs.TLSUnique})
	}
	// The context value is empty, not absent; that differs in TLS 1.2 (RFC 5705 §4).
	if data, err := cs.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, exporterLength); err == nil {
		l = append(l, ChannelBinding{TLSExporter, data})
	}
	return l
}
