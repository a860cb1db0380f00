package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mjl-/sconf"

	"mox/config"
	"mox/dns"
	"mox/sasl"
	"mox/smtp"
	"mox/smtpclient"
)

// authenticate logs in at the submission port with a mechanism that auth makes, and returns the
// mechanisms that are offered.
func (r *running) authenticate(tlsConfig *tls.Config, mode smtpclient.TLSMode, auth func(cs *tls.ConnectionState) (sasl.Client, error)) (offered []string, err error) {
	r.t.Helper()
	c, err := smtpclient.New(r.t.Context(), r.dial("Submission"), smtpclient.Options{
		LocalName: dns.IPDomain{Domain: dns.Domain{ASCII: "client.example"}},
		TLS:       mode,
		TLSConfig: tlsConfig,
		Auth: func(mechanisms []string, cs *tls.ConnectionState) (sasl.Client, error) {
			offered = slices.Clone(mechanisms)
			return auth(cs)
		},
		AuthWithoutTLS: true,
	})
	if err == nil {
		c.Close()
	}
	return offered, err
}

// password returns the client's side of a mechanism.
func password(mechanism, username, password string) func(cs *tls.ConnectionState) (sasl.Client, error) {
	return func(cs *tls.ConnectionState) (sasl.Client, error) {
		return sasl.NewClient([]string{mechanism}, sasl.Credentials{Username: username, Password: sasl.NewSecret(password)}, cs)
	}
}

// change edits domains.conf of a running server.
func (r *running) change(f func(*config.Dynamic)) {
	r.t.Helper()
	path := filepath.Join(filepath.Dir(r.path), "domains.conf")
	var d config.Dynamic
	if err := sconf.ParseFile(path, &d); err != nil {
		r.t.Fatal(err)
	}
	f(&d)
	if err := writeConfig(path, &d); err != nil {
		r.t.Fatal(err)
	}
	r.command("config", "reload")
}

func TestLoginMechanisms(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	tryAll := func(when, wantOffered string, works ...string) {
		t.Helper()
		for _, mechanism := range []string{sasl.SCRAMSHA256Plus, sasl.SCRAMSHA1Plus, sasl.CRAMMD5, sasl.Plain, sasl.Login} {
			offered, err := r.authenticate(nil, smtpclient.TLSRequired, password(mechanism, localAddress, localPassword))
			if got := strings.Join(offered, " "); got != wantOffered {
				t.Errorf("%s: offered %s, want %s", when, got, wantOffered)
			}
			if slices.Contains(works, mechanism) != (err == nil) {
				t.Errorf("%s: %s: %v", when, mechanism, err)
			}
			for _, wrong := range [][2]string{{localAddress, localPassword + "x"}, {"nobody@localhost", localPassword}} {
				if _, err := r.authenticate(nil, smtpclient.TLSRequired, password(mechanism, wrong[0], wrong[1])); err == nil {
					t.Errorf("%s: %q with %s logged in", when, wrong, mechanism)
				}
			}
		}
	}
	const usual = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"
	const all = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"
	tryAll("at first", usual, sasl.SCRAMSHA256Plus, sasl.Plain, sasl.Login)
	for _, username := range []string{localAccount, "MOX@LOCALHOST", "mox+x@localhost"} {
		if _, err := r.authenticate(nil, smtpclient.TLSNone, password(sasl.SCRAMSHA256, username, localPassword)); err != nil {
			t.Errorf("as %s: %v", username, err)
		}
	}

	edit := func(f func(*config.DynamicAccount)) {
		r.change(func(d *config.Dynamic) {
			a := d.Accounts[localAccount]
			f(&a)
			d.Accounts[localAccount] = a
		})
	}
	edit(func(a *config.DynamicAccount) { a.PasswordMechanisms = []string{sasl.CRAMMD5, sasl.SCRAMSHA1} })
	tryAll("before the password is set", all, sasl.SCRAMSHA256Plus, sasl.Plain, sasl.Login)
	setPassword(t, r, localAccount, localPassword)
	tryAll("with all", all, sasl.SCRAMSHA256Plus, sasl.SCRAMSHA1Plus, sasl.CRAMMD5, sasl.Plain, sasl.Login)
	edit(func(a *config.DynamicAccount) { a.PasswordMechanisms = nil })
	tryAll("given up", usual, sasl.SCRAMSHA256Plus, sasl.Plain, sasl.Login)

	edit(func(a *config.DynamicAccount) { a.LoginDisabled = "ask the office" })
	for _, mechanism := range []string{sasl.SCRAMSHA256Plus, sasl.Plain} {
		_, err := r.authenticate(nil, smtpclient.TLSRequired, password(mechanism, localAccount, localPassword))
		if e, ok := errors.AsType[*smtpclient.Error](err); !ok || e.Code != smtp.C525AccountDisabled || e.Enhanced != smtp.E5713AccountDisabled || !strings.Contains(err.Error(), "ask the office") {
			t.Errorf("disabled account with %s: %v", mechanism, err)
		}
	}
	if strings.Contains(r.log.String(), localPassword) {
		t.Error("a password is in the log")
	}
}

func TestLoginWithTLSClientKey(t *testing.T) {
	t.Parallel()
	r := startLocalserve(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	asked := false
	clientTLS := &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
	}}
	external := func(authzID string) func(*tls.ConnectionState) (sasl.Client, error) {
		return func(*tls.ConnectionState) (sasl.Client, error) { return sasl.NewExternalClient(authzID), nil }
	}
	if offered, err := r.authenticate(clientTLS, smtpclient.TLSRequired, external("")); err == nil || asked || slices.Contains(offered, sasl.External) {
		t.Errorf("before it is registered: %v, asked for a certificate: %v, offered %q", err, asked, offered)
	}
	r.change(func(d *config.Dynamic) {
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		a := d.Accounts[localAccount]
		a.TLSClientKeys = []string{base64.StdEncoding.EncodeToString(sum[:])}
		d.Accounts[localAccount] = a
		d.Accounts["bob"] = config.DynamicAccount{Domain: "localhost", Destinations: map[string]config.DynamicDestination{"bob@localhost": {}}}
	})
	for authzID, ok := range map[string]bool{"": true, localAccount: true, localAddress: true, "bob": false, "bob@localhost": false, "nobody": false} {
		if _, err := r.authenticate(clientTLS, smtpclient.TLSRequired, external(authzID)); (err == nil) != ok {
			t.Errorf("as %q: %v", authzID, err)
		}
	}
	if offered, err := r.authenticate(nil, smtpclient.TLSRequired, external("")); err == nil || slices.Contains(offered, sasl.External) {
		t.Errorf("without a key: %v, offered %q", err, offered)
	}
}

// Who has guessed too often over SMTP gets nowhere over IMAP, and is told the same as before.
func TestFailedLoginsCountTogether(t *testing.T) {
	t.Parallel()
	path := realConfig(t)
	var static config.Static
	if err := sconf.ParseFile(path, &static); err != nil {
		t.Fatal(err)
	}
	static.Logins.FailedPerHourPerIP = 2
	if err := writeConfig(path, &static); err != nil {
		t.Fatal(err)
	}
	r := startServer(t, config.Options{Path: path})
	setPassword(t, r, "ann", "annannann")
	if _, err := r.imap("ann@example.org", "annannann"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.authenticate(nil, smtpclient.TLSRequired, password(sasl.SCRAMSHA256, "ANN@example.org", "wrong")); err == nil {
			t.Fatal("a wrong password logged in")
		}
	}
	if _, err := r.imap("ann@example.org", "annannann"); err == nil || !strings.Contains(err.Error(), "[AUTHENTICATIONFAILED] Wrong user name or password") {
		t.Errorf("after failures over SMTP: %v", err)
	}
}
