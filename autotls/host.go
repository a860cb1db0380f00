package autotls

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mox/dns"
	"mox/internal/atomicfile"
)

// Host is one that wants certificates.
type Host struct {
	Name dns.Domain

	// CAs are the names of those to ask, by preference. Empty is all of Options.CAs in
	// their order.
	CAs []string

	// KeyTypes are those to have certificates for. Empty is ECDSAP256, which is right for all but mail
	// hosts.
	KeyTypes []KeyType

	// Keys are private keys to use, at most one per type. For a type without one a key is
	// made and kept.
	Keys []crypto.Signer
}

// hostState is what is kept of a host besides keys and certificates.
type hostState struct {
	Challenge Challenge          `json:",omitempty"` // That succeeded last.
	Issuers   map[KeyType]string // Directory URLs of the CAs of the certificates.

	LastAttempt time.Time
	LastSuccess time.Time

	// After a failure.
	Failures int // Attempts in a row.
	Next     time.Time
	Failure  *Failure `json:",omitempty"`

	// CAs, by directory URL, that are not to be asked for this host before a time.
	Blocked map[string]block `json:",omitempty"`
}

// block is why a CA is not asked for a host.
type block struct {
	Until    time.Time
	Demanded bool // The CA asked for it.
}

// clone returns a copy that shares nothing that changes.
func (s hostState) clone() hostState {
	s.Issuers, s.Blocked = maps.Clone(s.Issuers), maps.Clone(s.Blocked)
	return s
}

// host is a host with its keys and certificates. The Manager's lock guards what changes.
type host struct {
	dir string

	// Host is as it was last wanted. Its slices are not changed.
	Host
	wanted bool
	keys   map[KeyType]crypto.Signer // Of the wanted types.

	certs     map[KeyType]*tls.Certificate // With Leaf. The maps are replaced, never changed.
	state     hostState
	suggested map[KeyType]suggestion // By their CAs. Replaced, never changed.
	running   bool                   // An attempt is.
	ended     chan struct{}          // Closed when that has ended.
	warned    time.Time              // When the log last had that a certificate is about to expire.
	told      struct {               // What the log had of failures.
		kind FailureKind
		at   time.Time
	}

	untrusted *tls.Certificate // Self-signed, made when first needed.

	aside []string // Damaged files.
}

// newHost reads what is kept of a host.
func newHost(want Host, dir string, log *slog.Logger) (*host, error) {
	h := &host{dir: dir, aside: damagedFiles(dir)}
	if aside, err := readState(h.statePath(), &h.state); err != nil {
		log.Error("the state of a host cannot be read; its certificates are looked at anew", "host", want.Name, "moved to", aside, "err", err)
		if aside != "" {
			h.aside = append(h.aside, aside)
		}
	}
	if aside, err := readState(h.suggestionsPath(), &h.suggested); err != nil {
		log.Error("what CAs said of renewals cannot be read; they are asked again", "host", want.Name, "moved to", aside, "err", err)
		if aside != "" {
			h.aside = append(h.aside, aside)
		}
	}
	if err := h.want(want, log); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *host) statePath() string { return filepath.Join(h.dir, "state.json") }

func (h *host) certPath(t KeyType) string { return filepath.Join(h.dir, string(t)+".crt.pem") }

// want sets what is wanted of the host, and takes the keys and certificates for that.
func (h *host) want(want Host, log *slog.Logger) error {
	keys := map[KeyType]crypto.Signer{}
	for _, key := range want.Keys {
		t, err := TypeOf(key.Public())
		if err != nil {
			return fmt.Errorf("host %s: %w", want.Name, err)
		}
		if keys[t] != nil {
			return fmt.Errorf("host %s has two private keys of type %s; give one", want.Name, t)
		}
		keys[t] = key
	}
	for _, t := range want.types() {
		if keys[t] != nil {
			continue
		}
		if key := h.keys[t]; key != nil && !slices.ContainsFunc(h.Keys, func(k crypto.Signer) bool { return sameKey(k.Public(), key.Public()) }) {
			keys[t] = key // Our own, that was read before.
			continue
		}
		key, damaged, err := loadKey(filepath.Join(h.dir, string(t)+".key.pem"), t)
		if damaged != nil {
			log.Error("the private key of a host is damaged: it was moved aside, and a certificate is requested for a new one; TLSA records of the old key have to be changed", "host", want.Name, "type", t, "moved to", damaged.aside, "err", damaged.err)
			h.aside = append(slices.Clip(h.aside), damaged.aside)
		}
		if err != nil {
			return &localError{fmt.Errorf("the private key of type %s of host %s cannot be read or made: %w; check disk, disk space and permissions", t, want.Name, err)}
		}
		keys[t] = key
	}
	certs := map[KeyType]*tls.Certificate{}
	for _, t := range want.types() {
		cert := h.certs[t]
		if cert == nil || !sameKey(cert.Leaf.PublicKey, keys[t].Public()) {
			var err error
			if cert, err = readCertificate(h.certPath(t), keys[t], want.Name); err != nil {
				log.Warn("a certificate that was kept cannot be used, another one is requested", "host", want.Name, "type", t, "err", err)
			}
		}
		if cert != nil {
			certs[t] = cert
		}
	}
	if !sameKeys(keys, h.keys) {
		h.untrusted = nil
	}
	h.Host, h.wanted, h.keys, h.certs = want, true, keys, certs
	return nil
}

func sameKeys(a, b map[KeyType]crypto.Signer) bool {
	return maps.EqualFunc(a, b, func(a, b crypto.Signer) bool { return sameKey(a.Public(), b.Public()) })
}

// types returns the wanted types of keys, in our order of preference.
func (h *Host) types() []KeyType {
	if len(h.KeyTypes) == 0 {
		return keyTypes[:1]
	}
	var l []KeyType
	for _, t := range keyTypes {
		if slices.Contains(h.KeyTypes, t) {
			l = append(l, t)
		}
	}
	return l
}

// readCertificate reads a chain. It returns nil if there is no file.
func readCertificate(path string, key crypto.Signer, name dns.Domain) (*tls.Certificate, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var chain [][]byte
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		chain = append(chain, block.Bytes)
	}
	return newCertificate(chain, key, name)
}

// writeCertificate keeps a chain.
func (h *host) writeCertificate(t KeyType, cert *tls.Certificate) error {
	var data []byte
	for _, der := range cert.Certificate {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return atomicfile.Write(h.certPath(t), data, 0o600)
}

// lifetime returns how long the certificates of the host are good for, at most def.
func (h *host) lifetime(def time.Duration) time.Duration {
	for _, c := range h.certs {
		def = min(def, c.Leaf.NotAfter.Sub(c.Leaf.NotBefore))
	}
	return def
}

// first returns the certificate, of those there are, that expires first; nil for none.
func (h *host) first() *x509.Certificate {
	var first *x509.Certificate
	for _, c := range h.certs {
		if first == nil || c.Leaf.NotAfter.Before(first.NotAfter) {
			first = c.Leaf
		}
	}
	return first
}
