package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/config"
	"mox/dns"
	"mox/dnsrecords"
	"mox/smtp"
)

func quickstartCommand(resolver dns.Resolver) *cobra.Command {
	o := quickstartOptions{}
	var passwordFrom string
	cmd := &cobra.Command{
		Use:   "quickstart [flags] you@example.org [user]",
		Short: "Set up a mail server for a domain",
		Long: `Quickstart sets up a mail server for a domain on this machine, with an account
for your address. It first looks at what a mail server depends on: names and
addresses of the machine, reverse DNS, a resolver that validates DNSSEC, whether
mail can leave at port 25, block lists, ports, clock, disk, the user to run as,
and the records that the domain has in DNS already. It tells what it finds, and
what to do about it.

Then it writes, below the current directory: config/mox.conf and
config/domains.conf, keys for DKIM in config/dkim, keys for certificates in
config/hostkeys, the hash of the password for the admin pages, the account in
data, and a unit for systemd, mox.service. Last it prints the passwords, which
are kept nowhere else, the DNS records to add, and the commands that come next.

It can be run again, e.g. after a problem was solved: files that exist are kept
as they are, and only what is missing is made.

The user is that of the system which the server runs as, by default mox. Run
quickstart as root, so that files get the right owners.

With --existing-webserver the ports 80 and 443 are left to another web server,
which passes requests for mox on to ports on localhost, and whose certificates
mox uses.

With --smarthost all mail leaves through another server, for networks that do
not let connections to port 25 out. The password is the first line of the file
of --smarthost-password.`,
		Example: `  mox quickstart you@example.org
  mox quickstart --hostname mail.example.org --existing-webserver you@example.org
  mox quickstart --smarthost smtp.example.net:465 --smarthost-user you --smarthost-password file you@example.org`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.parse(args, passwordFrom); err != nil {
				return err
			}
			q := &quickstart{opts: o, machine: thisMachine(resolver), out: cmd.OutOrStdout()}
			return q.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", ".", "directory for config and data")
	f.StringVar(&o.hostnameFlag, "hostname", "", "full name of this machine (default: that of the system, or mail. and the domain)")
	f.BoolVar(&o.existingWebserver, "existing-webserver", false, "another web server has the ports 80 and 443")
	f.BoolVar(&o.skipDial, "skipdial", false, "do not try whether connections to port 25 get out")
	f.StringVar(&o.smarthost, "smarthost", "", "host and port that all mail is to leave through, e.g. smtp.example.net:465")
	f.StringVar(&o.smarthostUser, "smarthost-user", "", "user name at the smarthost")
	f.StringVar(&passwordFrom, "smarthost-password", "", "file with the password at the smarthost")
	f.StringVar(&o.acmeDirectory, "acme-directory", "https://acme-v02.api.letsencrypt.org/directory", "URL of the CA for certificates")
	f.StringVar(&o.acmeIssuer, "acme-issuer", "letsencrypt.org", "name of that CA in CAA records")
	return cmd
}

// quickstartOptions are what the command line says.
type quickstartOptions struct {
	address smtp.Address
	user    string
	dir     string

	hostnameFlag      string
	existingWebserver bool
	skipDial          bool

	smarthost         string
	smarthostUser     string
	smarthostPassword string

	acmeDirectory string
	acmeIssuer    string
}

// parse checks arguments and flags.
func (o *quickstartOptions) parse(args []string, passwordFrom string) error {
	var err error
	if o.address, err = smtp.ParseAddress(args[0]); err != nil {
		return usagef("%q is not an address (%v); give yours, such as you@example.org", args[0], err)
	}
	if !strings.Contains(o.address.Domain.ASCII, ".") {
		return usagef("%s is no domain on the internet; give an address such as you@example.org, or try mox out with \"mox localserve\"", o.address.Domain.Name())
	}
	o.user = "mox"
	if len(args) > 1 {
		o.user = args[1]
	}
	if o.user == "root" {
		return usagef("the server does not run as root; name a user that can do little")
	}
	if o.hostnameFlag != "" {
		if d, err := dns.ParseDomain(o.hostnameFlag); err != nil || !strings.Contains(d.ASCII, ".") {
			return usagef("--hostname %q is not the full name of a machine; give one such as mail.example.org", o.hostnameFlag)
		}
	}
	if o.smarthost == "" {
		if o.smarthostUser != "" || passwordFrom != "" {
			return usagef("--smarthost-user and --smarthost-password need --smarthost")
		}
		return nil
	}
	host, port, err := net.SplitHostPort(o.smarthost)
	if err != nil {
		return usagef("--smarthost %q is not a host and a port, such as smtp.example.net:465", o.smarthost)
	}
	if _, err := dns.ParseDomain(host); err != nil {
		return usagef("--smarthost: %q is not the name of a host, for which a certificate could be valid", host)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return usagef("--smarthost: %q is not a port", port)
	}
	if (o.smarthostUser == "") != (passwordFrom == "") {
		return usagef("--smarthost-user and --smarthost-password go together")
	}
	if passwordFrom != "" {
		if o.smarthostPassword, err = passwordFile(passwordFrom); err != nil {
			return fmt.Errorf("--smarthost-password: %w", err)
		}
	}
	return nil
}

// passwordFile returns the first line of a file.
func passwordFile(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	password, _, _ := strings.Cut(string(data), "\n")
	if password = strings.TrimSuffix(password, "\r"); password == "" {
		return "", fmt.Errorf("%s has no password in its first line", path)
	}
	return password, nil
}

// quickstart is one run of the command.
type quickstart struct {
	opts    quickstartOptions
	machine machine
	out     io.Writer

	hostname dns.Domain
	ips      addresses
	problems int
	noUser   bool // There is no user that the server could run as.
	blocked  bool // Connections to port 25 do not get out.
	written  writtenFiles
}

// run takes the steps in order. Nothing is written before all is looked at.
func (q *quickstart) run(ctx context.Context) error {
	dir, err := filepath.Abs(q.opts.dir)
	if err != nil {
		return err
	}
	q.opts.dir = dir
	q.title("Checking this machine and its surroundings")
	q.findHostname()
	q.checkMachine(ctx)
	if ctx.Err() != nil {
		return errInterrupted
	}

	defer q.printPasswords() // However this ends: they are kept nowhere else.
	q.title("Writing files")
	if err := q.write(ctx); err != nil {
		return err
	}
	cfg, err := config.Load(config.Options{Path: q.path("config", "mox.conf")})
	if err != nil {
		return fmt.Errorf("the configuration in %s has problems; correct them, or remove the files to have them made anew:\n%w", q.path("config"), err)
	}
	d, h, err := admin.DNSFacts(cfg, q.opts.address.Domain, admin.DNSOptions{Interfaces: q.ips.own, ACMEDir: acmeDir(cfg)})
	if err != nil {
		return fmt.Errorf("%w; the files that exist are for another domain: run quickstart in another directory, or add the domain with \"mox config domain add\"", err)
	}

	q.title("DNS records that are there already")
	if err := q.checkRecords(ctx, d, h); err != nil {
		return err
	}
	q.printPasswords()
	q.title("DNS records to have")
	records, err := dnsrecords.Records(d, h)
	if err != nil {
		return err
	}
	if err := dnsrecords.WriteZone(q.out, d, h, records, dnsrecords.ZoneOptions{}); err != nil {
		return err
	}
	q.printNext()
	return nil
}

// path returns a path below the directory.
func (q *quickstart) path(elem ...string) string {
	return filepath.Join(append([]string{q.opts.dir}, elem...)...)
}

func (q *quickstart) title(s string) {
	fmt.Fprintf(q.out, "\n%s\n%s\n\n", s, strings.Repeat("=", len(s)))
}

// say prints one finding.
func (q *quickstart) say(status dnsrecords.Status, what, text, cure string) {
	switch status {
	case dnsrecords.OK:
		fmt.Fprintf(q.out, "ok       %s: %s\n", what, printable(text))
		return
	case dnsrecords.Problem:
		q.problems++
	}
	fmt.Fprintf(q.out, "%-8s %s: %s\n", strings.ToUpper(string(status)), what, printable(text))
	if cure != "" {
		fmt.Fprintf(q.out, "         -> %s\n", printable(cure))
	}
}

// checkRecords tells about records that are there and wrong. Those that are missing come later, all at once.
func (q *quickstart) checkRecords(ctx context.Context, d dnsrecords.Domain, h dnsrecords.Host) error {
	findings, err := dnsrecords.Check(ctx, q.machine.resolver, d, h)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	missing := 0
	var unknown []dnsrecords.Finding
	for _, f := range findings {
		switch {
		case f.Status == dnsrecords.Unknown && f.Need != dnsrecords.DNSSEC:
			unknown = append(unknown, f)
		case f.Need == dnsrecords.Reverse || f.Need == dnsrecords.DNSSEC && f.Status == dnsrecords.Unknown:
			// Told before.
		case f.Status == dnsrecords.Problem && len(f.Found) == 0:
			missing++
		default:
			q.say(f.Status, strings.TrimSuffix(f.Name, ".")+" "+f.Type, f.Text, f.Cure)
			if f.Status != dnsrecords.OK {
				for _, s := range f.Found {
					fmt.Fprintf(q.out, "         is %s\n", printable(s))
				}
			}
		}
	}
	if len(unknown) > 0 {
		q.say(dnsrecords.Unknown, "records", fmt.Sprintf("%d could not be looked up, %s %s among them: %s", len(unknown), unknown[0].Name, unknown[0].Type, unknown[0].Text), unknown[0].Cure)
	}
	if missing > 0 {
		fmt.Fprintf(q.out, "\n%s not there yet, see below.\n", isAre(missing, "record"))
	}
	return nil
}

// isAre returns a number of things with the verb.
func isAre(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return fmt.Sprintf("%d %ss are", n, thing)
}

// printPasswords shows those that were made, once.
func (q *quickstart) printPasswords() {
	w := q.written
	if w.shown || w.accountPassword == "" && w.adminPassword == "" {
		return
	}
	q.written.shown = true
	q.title("Passwords")
	fmt.Fprintf(q.out, "They are shown only now. Keep them in a safe place.\n\n")
	if w.accountPassword != "" {
		fmt.Fprintf(q.out, "  %s: %s\n", q.opts.address, w.accountPassword)
	}
	if w.adminPassword != "" {
		fmt.Fprintf(q.out, "  admin pages: %s\n", w.adminPassword)
	}
}

// printNext tells what to do next.
func (q *quickstart) printNext() {
	q.title("What comes next")
	o := &q.opts
	var steps []string
	if q.problems > 0 {
		steps = append(steps, fmt.Sprintf("Solve the %s above, and run this again to see whether all is well.", counted(q.problems, "problem")))
	}
	if q.blocked && o.smarthost == "" {
		steps = append(steps, "Mail cannot leave at port 25. Ask your provider to open it, or have mail leave through another\nserver: run this again in another directory with --smarthost, or put into mox.conf\n\n"+indent(smarthostStatic("smtp.example.net", 465, "user", "password"))+"\nand into domains.conf\n\n"+indent(smarthostDynamic)+"\nAdd to the SPF record of the domain what the operator of that server tells you.")
	}
	steps = append(steps, "Add the DNS records above, and ask your provider for reverse DNS.")
	if o.smarthost != "" {
		steps = append(steps, "Add to the SPF record of "+o.address.Domain.ASCII+" what the operator of "+o.smarthost+" tells you: others\nsee mail of the domain come from there.")
	}
	if o.existingWebserver {
		steps = append(steps, q.webserverAdvice())
	}
	password := "the password above"
	if q.written.accountPassword == "" {
		password = "its password"
	}
	steps = append(steps,
		q.startAdvice(),
		fmt.Sprintf("Once records are visible to others, look whether all is well:\n\n    cd %s\n    mox config dnscheck %s", o.dir, o.address.Domain.ASCII),
		fmt.Sprintf("Set up mail programs for %s, with %s; for settings see:\n\n    mox clientconfig %s", o.address, password, o.address.Domain.ASCII),
		fmt.Sprintf("Or read and write mail in a browser:\n\n    https://%s/webmail/", q.hostname.ASCII),
	)
	for i, s := range steps {
		lines := strings.ReplaceAll(s, "\n", "\n   ")
		fmt.Fprintf(q.out, "%d. %s\n\n", i+1, strings.ReplaceAll(lines, "\n   \n", "\n\n"))
	}
}

// indent puts lines further in.
func indent(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n    ") + "\n"
}

// startAdvice tells how the server is started.
func (q *quickstart) startAdvice() string {
	if !q.machine.systemd {
		return fmt.Sprintf("Start the server, as root, by what starts services here; a container has this as its command:\n\n    mox --config %s serve", q.path("config", "mox.conf"))
	}
	return "Start the server, here with systemd:\n\n    " + strings.Join([]string{
		"cp " + q.path("mox.service") + " /etc/systemd/system/mox.service",
		"systemctl daemon-reload", "systemctl enable --now mox", "journalctl -f -u mox",
	}, "\n    ")
}

// webserverAdvice tells what the other web server has to do.
func (q *quickstart) webserverAdvice() string {
	d := q.opts.address.Domain.ASCII
	return fmt.Sprintf(`Have your web server pass on requests for mta-sts.%[1]s, autoconfig.%[1]s and autodiscover.%[1]s
to http://127.0.0.1:%[2]d, with the Host field as it is, and take care of certificates for these names. Requests for
/webmail/ of %[3]s go to http://127.0.0.1:%[2]d/webmail/, with Host 127.0.0.1:%[2]d and the fields
X-Forwarded-For, X-Forwarded-Host and X-Forwarded-Proto. Have it get
a certificate for %[3]s too, and put it with its key in place of the self-signed one in

    %[4]s
    %[5]s

after each renewal, followed by "mox config reload". TLSA records in DNS are of the keys that are there
now: keep the key when the certificate is renewed (certbot: --reuse-key), or change the record before.`,
		d, proxiedPort, q.hostname.ASCII, q.path("config", q.certFile()), q.path("config", q.hostKeyFile(hostKeyECDSA)))
}

// errNotLookedUp says that DNS did not tell which server to try.
var errNotLookedUp = errors.New("no answer of DNS")

// errBlocked says that no server could be reached at port 25.
var errBlocked = errors.New("no server answers at port 25")
