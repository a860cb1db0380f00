package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mjl-/sconf"

	"mox/dns"
	"mox/sasl"
	"mox/smtp"
	"mox/smtpclient"
)

// defaultSubmitConf is where "mox sendmail" finds its configuration.
const defaultSubmitConf = "/etc/moxsubmit.conf"

// submitFile mirrors the configuration file of "mox sendmail".
type submitFile struct {
	Host               string `sconf-doc:"This is the configuration of \"mox sendmail\", by default /etc/moxsubmit.conf. Who may read it can send mail as its account. Indent with tabs, begin comments with # on a line of their own.\n\n\nName of the server for submission, as in its certificate. Example: mail.example.org."`
	TLS                string `sconf:"optional" sconf-doc:"How to get TLS: immediate, starttls, or none, with which the password can be read on the way. The certificate of the server must be valid. Default: immediate."`
	Port               int    `sconf:"optional" sconf-doc:"Default: 465 for TLS immediate, otherwise 587."`
	CAFile             string `sconf:"optional" sconf-doc:"File with certificates in PEM format that are trusted instead of those of the system, e.g. that of the server if it is self-signed. Relative to the directory of this file. Example: mail.crt.pem."`
	Username           string `sconf:"optional" sconf-doc:"To log in with, as a rule an address. Without it there is no login. Example: web1@example.org."`
	Password           string `sconf:"optional" sconf-doc:"Password for Username."`
	PasswordFile       string `sconf:"optional" sconf-doc:"File with the password in its first line, instead of Password. Relative to the directory of this file."`
	From               string `sconf-doc:"Address that sends: the envelope sender unless -f gives another, and the From field of messages that have none, or one without domain as those of cron. Example: web1@example.org."`
	DefaultDestination string `sconf:"optional" sconf-doc:"Address that gets what is sent to a name without domain, as cron does to root. Without it that is an error. Example: admin@example.org."`
}

// exampleSubmitFile is what "config example sendmail" prints.
func exampleSubmitFile() submitFile {
	return submitFile{
		Host: "mail.example.org", Username: "web1@example.org", PasswordFile: "moxsubmit.password",
		From: "web1@example.org", DefaultDestination: "admin@example.org",
	}
}

func describeSubmit(w io.Writer) error { return sconf.Describe(w, &submitFile{}) }

// submitConfig is what a submitFile means.
type submitConfig struct {
	host               dns.Domain
	port               int
	tls                smtpclient.TLSMode
	tlsConfig          *tls.Config
	credentials        *sasl.Credentials // Nil for none.
	from               smtp.Path
	defaultDestination smtp.Path // Zero for none.
}

// readSubmitConfig reads the configuration of "mox sendmail". All problems are in one
// error.
func readSubmitConfig(path string) (submitConfig, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return submitConfig{}, fmt.Errorf("%w; \"mox config describe-sendmail\" explains what it has, --submitconf names another", err)
	}
	var file submitFile
	if err := sconf.Parse(bytes.NewReader(data), &file); err != nil {
		return submitConfig{}, fmt.Errorf("%s: %w", path, err)
	}
	c, problems := file.parse(filepath.Dir(path))
	for i, p := range problems {
		problems[i] = fmt.Errorf("%s: %w", path, p)
	}
	return c, errors.Join(problems...)
}

// parse checks the fields. Files are relative to dir.
func (f submitFile) parse(dir string) (c submitConfig, problems []error) {
	problem := func(field string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", field, err))
		}
	}
	var err error
	c.host, err = dns.ParseDomain(f.Host)
	problem("Host", err)
	c.port = 587
	switch f.TLS {
	case "", "immediate":
		c.tls, c.port = smtpclient.TLSImmediate, 465
	case "starttls":
		c.tls = smtpclient.TLSVerified
	case "none":
		c.tls = smtpclient.TLSNone
	default:
		problem("TLS", fmt.Errorf("%q is unknown, use immediate, starttls or none", f.TLS))
	}
	if f.Port != 0 {
		c.port = f.Port
	}
	if c.port < 1 || c.port > 65535 {
		problem("Port", fmt.Errorf("%d is not between 1 and 65535", f.Port))
	}
	c.tlsConfig, err = trust(dir, f.CAFile)
	problem("CAFile", err)
	c.credentials, err = f.credentials(dir)
	problem("Password", err)
	c.from, err = parseSubmitAddress(f.From)
	problem("From", err)
	if f.DefaultDestination != "" {
		c.defaultDestination, err = parseSubmitAddress(f.DefaultDestination)
		problem("DefaultDestination", err)
	}
	return c, problems
}

func parseSubmitAddress(s string) (smtp.Path, error) {
	a, err := smtp.ParseAddress(s)
	return a.Path(), err
}

// trust returns what trusts the certificates in a file, nil for an empty name.
func trust(dir, name string) (*tls.Config, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(relativeTo(dir, name))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s has no certificates in PEM format", name)
	}
	return &tls.Config{RootCAs: pool}, nil
}

func (f submitFile) credentials(dir string) (*sasl.Credentials, error) {
	password := f.Password
	if f.PasswordFile != "" {
		if password != "" {
			return nil, errors.New("set either Password or PasswordFile")
		}
		data, err := os.ReadFile(relativeTo(dir, f.PasswordFile))
		if err != nil {
			return nil, err
		}
		line, _, _ := strings.Cut(string(data), "\n")
		password = strings.TrimRight(line, "\r")
	}
	switch {
	case f.Username == "" && password == "":
		return nil, nil
	case f.Username == "" || password == "":
		return nil, errors.New("a login needs both Username and a password")
	}
	return &sasl.Credentials{Username: f.Username, Password: sasl.NewSecret(password)}, nil
}

func relativeTo(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}
