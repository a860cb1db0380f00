package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mjl-/sconf"
	"golang.org/x/crypto/bcrypt"

	"mox/autotls"
	"mox/dnsrecords"
	"mox/internal/atomicfile"
)

// writtenFiles is what came of writing files.
type writtenFiles struct {
	accountPassword, adminPassword string // Empty if they were not made.
	shown                          bool   // Both were printed.
}

// write makes all files that do not exist. Mox.conf comes last: without it nothing is complete, and the next run goes on.
func (q *quickstart) write(ctx context.Context) error {
	for _, d := range []struct {
		path string
		mode fs.FileMode
	}{{q.opts.dir, 0o755}, {q.path("config"), 0o750}, {q.path("config", "dkim"), 0o700}, {q.path("config", "hostkeys"), 0o700}} {
		if err := os.MkdirAll(d.path, d.mode); err != nil {
			return err
		}
	}
	newStatic, newDynamic := missing(q.path("config", "mox.conf")), missing(q.path("config", "domains.conf"))
	if newStatic {
		if err := q.writeHostKeys(); err != nil {
			return err
		}
	}
	if newDynamic {
		if err := q.writeDKIMKeys(); err != nil {
			return err
		}
	}
	if err := q.writeAdminPassword(); err != nil {
		return err
	}
	if err := q.writeAccount(ctx, newDynamic); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	dynamic, static := q.dynamic(), q.static()
	more := ""
	if q.blocked {
		more = "\n# Connections to port 25 did not get out. To have mail leave through another server, remove the\n# comment signs and correct what follows, and add to domains.conf: Routes, with Transport smarthost.\n#\n" +
			commented(smarthostStatic("smtp.example.net", 465, "user", "password"))
	}
	for _, f := range []struct {
		name string
		make func() ([]byte, error)
		mode fs.FileMode
	}{
		{"config/domains.conf", func() ([]byte, error) { return configText(&dynamic, "") }, 0o640},
		{"mox.service", func() ([]byte, error) { return serviceUnit(q.path("config", "mox.conf"), q.opts.dir) }, 0o644},
		{"config/mox.conf", func() ([]byte, error) { return configText(&static, more) }, 0o640},
	} {
		if err := q.create(f.name, f.mode, f.make); err != nil {
			return err
		}
	}
	if q.noUser {
		return nil // The server gives itself what it needs when it starts.
	}
	if err := giveToServer(q.path("config", "mox.conf"), q.machine.root); err != nil {
		q.say(dnsrecords.Problem, "owners", err.Error(), "correct that and run quickstart again")
	}
	return nil
}

// configText returns the content of a configuration file, and some more after it.
func configText(v any, more string) ([]byte, error) {
	var b bytes.Buffer
	if err := sconf.WriteDocs(&b, v); err != nil {
		return nil, err
	}
	b.WriteString(more)
	return b.Bytes(), nil
}

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// create makes a file below the directory with what make returns, unless there is one.
func (q *quickstart) create(name string, mode fs.FileMode, make func() ([]byte, error)) error {
	path := q.path(filepath.FromSlash(name))
	if !missing(path) {
		fmt.Fprintf(q.out, "kept     %s\n", name)
		return nil
	}
	data, err := make()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := atomicfile.Create(path, data, mode); err != nil {
		return err
	}
	fmt.Fprintf(q.out, "written  %s\n", name)
	return nil
}

// writeHostKeys makes the keys for certificates of the machine, and a certificate where none will be requested.
func (q *quickstart) writeHostKeys() error {
	for typ, t := range map[string]autotls.KeyType{hostKeyECDSA: autotls.ECDSAP256, hostKeyRSA: autotls.RSA2048} {
		err := q.create("config/"+q.hostKeyFile(typ), 0o600, func() ([]byte, error) {
			key, err := autotls.GenerateKey(t)
			if err != nil {
				return nil, err
			}
			return autotls.MarshalKey(key)
		})
		if err != nil {
			return err
		}
	}
	if !q.opts.existingWebserver {
		return nil
	}
	return q.create("config/"+q.certFile(), 0o644, q.selfSigned)
}

// selfSigned returns a certificate that serves until there is one of a CA. Servers that deliver mail mostly take it.
func (q *quickstart) selfSigned() ([]byte, error) {
	data, err := os.ReadFile(q.path("config", q.hostKeyFile(hostKeyECDSA)))
	if err != nil {
		return nil, err
	}
	key, err := autotls.ParseKey(data)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := q.machine.now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: q.hostname.ASCII},
		DNSNames:     []string{q.hostname.ASCII},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// writeDKIMKeys makes the keys that mail is signed with.
func (q *quickstart) writeDKIMKeys() error {
	for _, k := range q.dkimKeys() {
		if err := q.create("config/"+k.File, 0o600, k.Generate); err != nil {
			return err
		}
	}
	return nil
}

func (q *quickstart) writeAdminPassword() error {
	if !missing(q.path("config", "adminpasswd")) {
		fmt.Fprintf(q.out, "kept     config/adminpasswd; \"mox setadminpassword\" sets another password\n")
		return nil
	}
	password := newPassword()
	err := q.create("config/adminpasswd", 0o640, func() ([]byte, error) { return adminPasswordHash(password) })
	if err == nil {
		q.written.adminPassword = password
	}
	return err
}

// adminPasswordHash returns the content of the file with the password of the admin pages.
func adminPasswordHash(password string) ([]byte, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	return append(hash, '\n'), err
}

// newPassword returns a random password of 80 bits that can be read out.
func newPassword() string {
	text := strings.ToLower(rand.Text()[:16]) // 5 bits for each character.
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
}

// writeAccount makes the account with its password, unless there is data already: that may belong to a running server,
// or somebody uses it.
func (q *quickstart) writeAccount(ctx context.Context, newDynamic bool) error {
	if dir := q.path("data"); !missing(dir) {
		fmt.Fprintf(q.out, "kept     data, with the passwords of accounts; \"mox setaccountpassword\" sets another\n")
		return nil
	}
	if !newDynamic {
		fmt.Fprintf(q.out, "         data will be made by the server; set passwords with \"mox setaccountpassword\"\n")
		return nil
	}
	// In a directory of another name until it is whole.
	temp, err := os.MkdirTemp(q.opts.dir, ".data.*")
	if err != nil {
		return err
	}
	password := newPassword()
	err = makeAccount(ctx, accountsDir(temp), q.account(), password)
	if err == nil {
		err = os.Rename(temp, q.path("data"))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	q.written.accountPassword = password
	fmt.Fprintf(q.out, "written  data, with the account %s\n", q.account())
	return atomicfile.SyncDir(q.opts.dir)
}
