package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mjl-/sconf"

	"mox/dns"
	"mox/sasl"
	"mox/smtp"
)

// Options say where the configuration is.
type Options struct {
	// Path of mox.conf. Domains.conf is in the same directory.
	Path string

	// Localserve is nil for a real server.
	Localserve *Localserve

	// ReadFile reads mox.conf and what it names, e.g. keys of certificates, for a process that may not
	// read them itself. Default: os.ReadFile.
	ReadFile func(path string) ([]byte, error)

	// Offline is set by a process that does not serve. Keys and certificates that it may not read are left out.
	Offline bool
}

// readFile is ReadFile or its default.
func (o Options) readFile(path string) ([]byte, error) {
	if o.ReadFile != nil {
		return o.ReadFile(path)
	}
	return os.ReadFile(path)
}

// dynamicPath returns the path of domains.conf.
func (o Options) dynamicPath() string { return filepath.Join(filepath.Dir(o.Path), "domains.conf") }

// Load reads and checks both files, and the certificates they name. For files with
// problems it returns an *Error with all of them; a file that cannot be read is a
// problem too.
func Load(opts Options) (*Config, error) {
	static, dynamic, err := readFiles(opts)
	if err != nil {
		return nil, err
	}
	return parse(opts, static, dynamic)
}

// DataDir returns the data directory that a mox.conf names, whatever else is in the
// files. It returns an *Error if the file cannot be read or parsed.
func DataDir(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", unreadable(path, err)
	}
	p := problems{file: path}
	var s Static
	p.unmarshal(data, "mox config describe-static", &s)
	if len(p.list) > 0 {
		return "", &Error{p.list}
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return within(dir, s.DataDir), nil
}

// LoadStatic reads and checks mox.conf alone. What the result says of domains and accounts is not to be used.
func LoadStatic(opts Options) (*Config, error) {
	static, err := opts.readFile(opts.Path)
	if err != nil {
		return nil, unreadable(opts.Path, err)
	}
	b, err := newBuilder(opts)
	if err != nil {
		return nil, err
	}
	b.static.unmarshal(static, "mox config describe-static", &b.cfg.static)
	if err := b.err(); err != nil {
		return nil, err
	}
	b.general()
	b.listeners()
	b.transports()
	if err := b.err(); err != nil {
		return nil, err
	}
	return b.cfg, nil
}

// unreadable returns the error for a file that cannot be read.
func unreadable(path string, err error) *Error {
	text := fmt.Sprintf("cannot be read: %v", err)
	if os.IsNotExist(err) {
		text = `does not exist; give the right path with --config, or start from what "mox config example" prints`
	}
	return &Error{[]Problem{{File: path, Text: text}}}
}

// readFiles returns the content of mox.conf and domains.conf.
func readFiles(opts Options) (static, dynamic []byte, err error) {
	static, serr := opts.readFile(opts.Path)
	dynamic, derr := os.ReadFile(opts.dynamicPath())
	var missing Error
	if serr != nil {
		missing.Problems = append(missing.Problems, unreadable(opts.Path, serr).Problems...)
	}
	if derr != nil {
		missing.Problems = append(missing.Problems, unreadable(opts.dynamicPath(), derr).Problems...)
	}
	if len(missing.Problems) > 0 {
		return nil, nil, &missing
	}
	return static, dynamic, nil
}

// builder makes a Config from the parsed files.
type builder struct {
	opts   Options
	cfg    *Config
	static *problems // About mox.conf.
	domain *problems // About domains.conf.
}

// newBuilder returns a builder without content.
func newBuilder(opts Options) (*builder, error) {
	dir, err := filepath.Abs(filepath.Dir(opts.Path))
	if err != nil {
		return nil, &Error{[]Problem{{File: opts.Path, Text: err.Error()}}}
	}
	return &builder{
		opts: opts,
		cfg: &Config{
			Dir:          dir,
			Localserve:   opts.Localserve,
			transports:   map[string]*Transport{},
			domains:      map[dns.Domain]*Domain{},
			accounts:     map[string]*Account{},
			hostnames:    map[dns.Domain]bool{},
			destinations: map[smtp.Address]Destination{},
			aliases:      map[smtp.Address]*Alias{},
			clientKeys:   map[sasl.KeyFingerprint]*Account{},
			mechanisms:   map[string]bool{},
		},
		static: &problems{file: opts.Path},
		domain: &problems{file: opts.dynamicPath()},
	}, nil
}

// parse makes a Config from the content of both files.
func parse(opts Options, static, dynamic []byte) (*Config, error) {
	b, err := newBuilder(opts)
	if err != nil {
		return nil, err
	}
	b.static.unmarshal(static, "mox config describe-static", &b.cfg.static)
	b.domain.unmarshal(dynamic, "mox config describe-domains", &b.cfg.dynamic)
	if err := b.err(); err != nil {
		// The files refer to each other, so checking one alone would blame the innocent.
		return nil, err
	}
	b.general()
	b.listeners()
	b.transports()
	b.domains()
	b.accounts()
	b.parseAliases()
	b.websites()
	b.references()
	if err := b.err(); err != nil {
		return nil, err
	}
	return b.cfg, nil
}

func (b *builder) err() error {
	if n := len(b.static.list) + len(b.domain.list); n > 0 {
		return &Error{append(b.static.list, b.domain.list...)}
	}
	return nil
}

// unmarshal parses an sconf file into dst.
func (p *problems) unmarshal(data []byte, describe string, dst any) {
	// Some editors leave these.
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if !utf8.Valid(data) {
		p.list = append(p.list, Problem{File: p.file, Text: "is not UTF-8; save it in that encoding"})
		return
	}
	if err := sconf.Parse(bytes.NewReader(data), dst); err != nil {
		p.list = append(p.list, syntaxProblem(p.file, string(data), describe, err))
		return
	}
	p.lines = fieldLines(string(data))
}

// read reads a file that mox.conf names.
func (b *builder) read(path string) ([]byte, error) {
	path = b.path(path)
	if !slices.Contains(b.cfg.files, path) {
		b.cfg.files = append(b.cfg.files, path)
	}
	return b.opts.readFile(path)
}

// canDoWithout tells of an error of read that it does not matter to this process.
func (b *builder) canDoWithout(err error) bool {
	return b.opts.Offline && errors.Is(err, fs.ErrPermission)
}

// path makes a path from a file absolute.
func (b *builder) path(p string) string { return within(b.cfg.Dir, p) }

// within returns a path that may be relative to a directory.
func within(dir, p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(dir, p)
}

// parseDomain parses a domain name in a field.
func (p *problems) parseDomain(field, s string) (dns.Domain, bool) {
	d, err := dns.ParseDomain(s)
	if err != nil {
		p.addf(field, "%q is not a domain name (%v); write e.g. mail.example.org", s, err)
		return dns.Domain{}, false
	}
	return d, true
}

// parseNetworks parses a list of networks; a single address is a network of one.
func (p *problems) parseNetworks(field string, l []string) []netip.Prefix {
	var networks []netip.Prefix
	for i, s := range l {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
			networks = append(networks, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		n, err := netip.ParsePrefix(s)
		if err != nil {
			p.addf(fmt.Sprintf("%s[%d]", field, i), "%q is not a network; write e.g. 192.0.2.0/24 or 2001:db8::/32", s)
			continue
		}
		if n != n.Masked() {
			p.addf(fmt.Sprintf("%s[%d]", field, i), "network %s has bits set after its prefix; write %s", s, n.Masked())
			continue
		}
		networks = append(networks, n)
	}
	return networks
}

// checkMailbox checks the name of a mailbox and returns it with Inbox spelt as the
// store does.
func (p *problems) checkMailbox(field, name string) string {
	first, rest, _ := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		p.addf(field, "mailbox %q has an empty part; separate parts by one slash", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		p.addf(field, "mailbox %q has a control character; remove it", name)
	case strings.HasPrefix(name, "#"):
		p.addf(field, "mailbox %q begins with #, which is reserved in IMAP; use another name", name)
	case strings.ContainsAny(name, "*%"):
		p.addf(field, "mailbox %q has * or %%, which are wildcards in IMAP; use another name", name)
	case strings.EqualFold(first, "Inbox") && rest == "":
		return "Inbox"
	case strings.EqualFold(first, "Inbox"):
		return "Inbox/" + rest
	}
	return name
}
