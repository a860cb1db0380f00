package install

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestInstall takes the steps of a newcomer, and then uses the server.
func TestInstall(t *testing.T) {
	in := install(t)
	t.Run("incoming", in.incoming)
	t.Run("submission", in.submission)
	t.Run("imap", in.imap)
	t.Run("web", in.web)
	t.Run("backup", in.backup)
	t.Run("dnscheck", in.dnscheck)
}

// deliver sends a message over a connection that is greeted.
func deliver(c *smtp.Client, from string, auth smtp.Auth, subject string) error {
	if auth != nil {
		if err := c.Auth(auth); err != nil {
			return err
		}
	}
	if err := errors.Join(c.Mail(from), c.Rcpt(address)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%s@test>\r\n\r\ntext\r\n", from, address, subject, strings.ReplaceAll(subject, " ", "."))
	return errors.Join(w.Close(), c.Quit())
}

// incoming is mail from another server, which verifies the certificate of the MX.
func (in *installation) incoming(t *testing.T) {
	mx, err := net.LookupMX(domain)
	if err != nil || len(mx) != 1 {
		t.Fatalf("MX %v, %v", mx, err)
	}
	host := strings.TrimSuffix(mx[0].Host, ".")
	c, err := smtp.Dial(net.JoinHostPort(host, "25"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := errors.Join(c.Hello("mail.sender.test"), c.StartTLS(in.tls(host))); err != nil {
		t.Fatal(err)
	}
	if err := deliver(c, "someone@sender.test", nil, "from outside"); err != nil {
		t.Error(err)
	}
}

func (in *installation) submission(t *testing.T) {
	conn, err := tls.Dial("tcp", hostname+":465", in.tls(hostname))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c, err := smtp.NewClient(conn, hostname)
	if err != nil {
		t.Fatal(err)
	}
	if err := deliver(c, address, smtp.PlainAuth("", address, in.password, hostname), "from inside"); err != nil {
		t.Error(err)
	}
}

func (in *installation) imap(t *testing.T) {
	fetch := func() (string, error) {
		out, err := exec.Command("curl", "--silent", "--show-error", "--url", "imaps://"+hostname+"/INBOX", "--user", address+":"+in.password,
			"--request", "UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT AUTHENTICATION-RESULTS DKIM-SIGNATURE)])").CombinedOutput()
		return string(out), err
	}
	eventually(t, "both messages are there", func() error {
		out, err := fetch()
		if err == nil && strings.Count(out, " FETCH ") < 2 {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
}

func (in *installation) web(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: in.tls("")}}
	for url, want := range map[string]string{
		"https://mta-sts." + domain + "/.well-known/mta-sts.txt":                              "mx: " + hostname,
		"https://autoconfig." + domain + "/mail/config-v1.1.xml?emailaddress=you%40" + domain: "<hostname>" + hostname + "</hostname>",
	} {
		res, err := client.Get(url)
		if err != nil {
			t.Error(err)
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v, without %q:\n%s", url, res.Status, err, want, body)
		}
		res.Body.Close()
	}
}

// backup is made by root of the confined server, twice, into a directory that the server cannot reach. It is restored elsewhere.
func (in *installation) backup(t *testing.T) {
	dir := filepath.Dir(in.dir)
	first, second, restored := filepath.Join(dir, "monday"), filepath.Join(dir, "tuesday"), filepath.Join(dir, "restored")
	in.mox("backup", first)
	in.mox("backup", "--incremental", first, second)
	for _, backup := range []string{first, second} {
		in.mox("verifydata", backup)
	}
	in.mox("restore", second, restored)
	if out := in.mox("verifydata", restored); !strings.Contains(out, "no problems in 1 account\n") {
		t.Errorf("after the restore:\n%s", out)
	}
}

// dnscheck finds nothing wrong, and then what is missing, one record at a time.
func (in *installation) dnscheck(t *testing.T) {
	// On a slow machine one of the many questions to the DNS and to the server may not be answered in time.
	eventually(t, "nothing is wrong", func() error {
		out, err := in.command("config", "dnscheck", domain).CombinedOutput()
		if err == nil && !strings.Contains(string(out), "the policy is served as it is configured") {
			err = errors.New("the policy is not served")
		}
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		return err
	})
	var records []dns.RR
	p := dns.NewZoneParser(strings.NewReader("$TTL 1\n"+in.records), domain+".", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		records = append(records, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	if len(records) < 20 {
		t.Errorf("only %d records", len(records))
	}
	for i, gone := range records {
		var rest strings.Builder
		for j, rr := range records {
			if j != i {
				fmt.Fprintln(&rest, rr)
			}
		}
		in.ns.publish(rest.String())
		name, kind := gone.Header().Name, dns.TypeToString[gone.Header().Rrtype]
		// The name server may answer from its last version for a moment.
		eventually(t, name+" "+kind+" is named as missing", func() error {
			out, err := in.command("config", "dnscheck", domain).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || !named(string(out), name, kind) {
				return fmt.Errorf("%v\n%s", err, out)
			}
			return nil
		})
	}
	in.ns.publish(in.records)
}

// named tells whether a problem with a record is told, and what to do.
func named(out, name, kind string) bool {
	for problem := range strings.SplitSeq(out, "Problem:") {
		line, rest, _ := strings.Cut(strings.TrimSpace(problem), "\n")
		if strings.HasPrefix(line, name+" "+kind+":") && strings.Contains(rest, "Cure:") {
			return true
		}
	}
	return false
}
