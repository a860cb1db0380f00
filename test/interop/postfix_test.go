package interop

import (
	"context"
	"fmt"
	"io"
	netsmtp "net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mox/pipeline"
	"mox/smtp"
)

// postfixPort is where a postfix listens, on an address of its own.
const postfixPort = 1025

// postfix is a mail server for postfix.example with the mailbox of user@.
type postfix struct {
	t   *testing.T
	ip  string
	dir string
}

// startPostfix starts a Postfix that has nothing in common with one of the machine but the programs.
// It brings mail for mox.example to the given address. Further lines of main.cf can be given.
func startPostfix(t *testing.T, moxAddr string, cert certificate, further ...string) *postfix {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("Postfix can only be started by root: run the tests as root, or leave this one out with -skip")
	}
	p := &postfix{t: t, ip: nextIP(), dir: t.TempDir()}
	// The mailboxes are nobody's. Most parts of Postfix run as another user of theirs.
	openDir(t, filepath.Join(p.dir, "mail"), nobody)
	if err := os.Mkdir(filepath.Join(p.dir, "queue"), 0o755); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(moxAddr, ":")
	writeFile(t, p.dir, "main.cf", fmt.Sprintf(`
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
myhostname = mx.postfix.example
mydomain = postfix.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
virtual_mailbox_domains = postfix.example
virtual_mailbox_maps = inline:{ {user@postfix.example=user/} }
virtual_mailbox_base = %[1]s/mail
virtual_uid_maps = static:%[2]d
virtual_gid_maps = static:%[2]d
transport_maps = inline:{ {mox.example=smtp:[%[3]s]:%[4]s} }
smtpd_peername_lookup = no
smtp_tls_security_level = may
smtpd_tls_security_level = may
smtpd_tls_cert_file = %[5]s
smtpd_tls_key_file = %[6]s
smtpd_tls_received_header = yes
`, p.dir, nobody, host, port, cert.certFile, cert.keyFile)+strings.Join(further, "\n")+"\n")
	var master strings.Builder
	fmt.Fprintf(&master, "%s:%d inet n - n - - smtpd\n", p.ip, postfixPort)
	for _, service := range []string{
		"cleanup unix n - n - 0 cleanup",
		"qmgr unix n - n 300 1 qmgr",
		"tlsmgr unix - - n 1000? 1 tlsmgr",
		"rewrite unix - - n - - trivial-rewrite",
		"bounce unix - - n - 0 bounce",
		"defer unix - - n - 0 bounce",
		"trace unix - - n - 0 bounce",
		"verify unix - - n - 1 verify",
		"flush unix n - n 1000? 0 flush",
		"proxymap unix - - n - - proxymap",
		"smtp unix - - n - - smtp",
		"relay unix - - n - - smtp",
		"error unix - - n - - error",
		"retry unix - - n - - error",
		"virtual unix - n n - - virtual",
		"anvil unix - - n - 1 anvil",
		"scache unix - - n - 1 scache",
		"postlog unix-dgram n - n - 1 postlogd",
	} {
		master.WriteString(service + "\n")
	}
	writeFile(t, p.dir, "master.cf", master.String())

	t.Cleanup(p.stop)
	p.command(t.Context(), "start")
	waitListening(t, p.addr())
	return p
}

// command runs a command of Postfix. Its output goes to a file: the server that it starts keeps it
// open.
func (p *postfix) command(ctx context.Context, name string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := os.Create(filepath.Join(p.dir, name+".out"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, "/usr/sbin/postfix", "-c", p.dir, name)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		p.t.Errorf("postfix %s: %v\n%s", name, err, said)
	}
}

func (p *postfix) addr() string { return fmt.Sprintf("%s:%d", p.ip, postfixPort) }

func (p *postfix) stop() {
	p.command(context.Background(), "stop")
	if p.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		p.t.Logf("Postfix:\n%s", log)
	}
}

// send hands a message to Postfix. Recipients may be followed by parameters.
func (p *postfix) send(from string, to []string, msg string) {
	p.t.Helper()
	check := func(err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatalf("handing a message to Postfix: %v", err)
		}
	}
	c, err := netsmtp.Dial(p.addr())
	check(err)
	defer c.Close()
	check(c.Mail(from))
	for _, rcpt := range to {
		addr, params, _ := strings.Cut(rcpt, " ")
		id, err := c.Text.Cmd("RCPT TO:<%s> %s", addr, params)
		check(err)
		c.Text.StartResponse(id)
		_, _, err = c.Text.ReadResponse(250)
		c.Text.EndResponse(id)
		check(err)
	}
	w, err := c.Data()
	check(err)
	_, err = io.WriteString(w, msg)
	check(err)
	check(w.Close())
	check(c.Quit())
}

// waitMessage waits for a message of user@postfix.example with some text in it, and returns it with
// CRLF.
func (p *postfix) waitMessage(text string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		files, err := filepath.Glob(filepath.Join(p.dir, "mail", "user", "new", "*"))
		if err != nil {
			p.t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				p.t.Fatal(err)
			}
			if strings.Contains(string(b), text) {
				return strings.ReplaceAll(string(b), "\n", "\r\n")
			}
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("no message with %q in Postfix's mailbox", text)
		case <-tick.C:
		}
	}
}

const letter = "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%[3]s@letters.example>\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%[4]s"

const letterBody = "Grüße\r\n.\r\n..dots\r\n\r\n\tend\r\n"

// TestPostfix exchanges mail between Postfix and mox in both directions, over STARTTLS, with a
// recipient that does not exist on either side.
func TestPostfix(t *testing.T) {
	t.Parallel()
	cert := newCertificate(t, "mx.mox.example", "mx.postfix.example")
	x := startExchange(t, cert)
	p := startPostfix(t, x.addr, cert)
	x.relay(p)

	postfixToMox(t, p, x)
	moxToPostfix(t, x, p)
}

func postfixToMox(t *testing.T, p *postfix, x *exchange) {
	const from = "user@postfix.example"
	p.send(from, []string{"ann@mox.example"}, fmt.Sprintf(letter, from, "ann@mox.example", "one", letterBody))
	p.send(from, []string{"ann@mox.example", "nobody@mox.example", "bob@mox.example"}, fmt.Sprintf(letter, from, "all@mox.example", "several", letterBody))
	for account, n := range map[string]int{"ann": 2, "bob": 1} {
		for _, msg := range x.waitMessages(account, n) {
			if !strings.HasPrefix(msg, "Return-Path: <"+from+">\r\n") || !strings.HasSuffix(msg, "\r\n\r\n"+letterBody) {
				t.Errorf("%s got\n%s", account, msg)
			}
			if !strings.Contains(msg, "\tby mx.mox.example with ESMTPS ") && !strings.Contains(msg, "\tby mx.mox.example with UTF8SMTPS ") {
				t.Errorf("%s got, without TLS,\n%s", account, msg)
			}
		}
	}
	bounce := p.waitMessage("Action: failed")
	for _, want := range []string{"Final-Recipient: rfc822; nobody@mox.example\r\n", "Action: failed\r\n", "Status: 5.1.1\r\n", "Remote-MTA: dns; " + strings.Split(x.addr, ":")[0] + "\r\n", "Subject: several\r\n"} {
		if !strings.Contains(bounce, want) {
			t.Errorf("no %q in Postfix's bounce\n%s", want, bounce)
		}
	}

	// Mox notifies of success when Postfix passes on that it is wanted.
	p.send(from, []string{"bob@mox.example NOTIFY=SUCCESS ORCPT=rfc822;robert@postfix.example"}, fmt.Sprintf(letter, from, "bob@mox.example", "success", letterBody))
	notice := p.waitMessage("Action: delivered")
	for _, want := range []string{"Reporting-MTA: dns; mx.mox.example\r\n", "Original-Recipient: rfc822;robert@postfix.example\r\n", "Final-Recipient: rfc822;bob@mox.example\r\n", "Status: 2.", "Subject: success\r\n"} {
		if !strings.Contains(notice, want) {
			t.Errorf("no %q in mox's notification\n%s", want, notice)
		}
	}
}

func moxToPostfix(t *testing.T, x *exchange, p *postfix) {
	const from = "ann@mox.example"
	x.submit("ann", from, []pipeline.Recipient{{Path: parsePath(t, "user@postfix.example")}, {Path: parsePath(t, "nobody@postfix.example")}}, fmt.Sprintf(letter, from, "user@postfix.example", "yonder", letterBody))
	got := p.waitMessage("Subject: yonder")
	if !strings.HasPrefix(got, "Return-Path: <"+from+">\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+letterBody) || !strings.Contains(got, "using TLSv1.3") {
		t.Errorf("Postfix got\n%s", got)
	}
	notice := x.waitMessages("ann", 3)[2]
	for _, want := range []string{"Return-Path: <>\r\n", "Final-Recipient: rfc822;nobody@postfix.example\r\n", "Action: failed\r\n", "Status: 5.1.1\r\n", "In-Reply-To: <yonder@letters.example>\r\n", "Subject: yonder\r\n"} {
		if !strings.Contains(notice, want) {
			t.Errorf("no %q in the notification\n%s", want, notice)
		}
	}
	if strings.Contains(notice, "Final-Recipient: rfc822;user@") {
		t.Errorf("notification names the recipient that was delivered\n%s", notice)
	}

	// And Postfix does.
	x.submit("bob", "bob@mox.example", []pipeline.Recipient{{Path: parsePath(t, "user@postfix.example"), Notify: smtp.NotifySuccess}}, fmt.Sprintf(letter, "bob@mox.example", "user@postfix.example", "thanks", letterBody))
	success := x.waitMessages("bob", 3)[2]
	for _, want := range []string{"Reporting-MTA: dns; mx.postfix.example\r\n", "Final-Recipient: rfc822; user@postfix.example\r\n", "Action: delivered\r\n", "Subject: thanks\r\n"} {
		if !strings.Contains(success, want) {
			t.Errorf("no %q in Postfix's notification\n%s", want, success)
		}
	}
}

// TestPostfixSubmits has Postfix hand all its mail to mox, as a user who logs in. Its Cyrus SASL takes the best of the
// mechanisms that it knows, which is SCRAM-SHA-256.
func TestPostfixSubmits(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	cert := newCertificate(t, "mx.postfix.example")
	p := startPostfix(t, s.addr(1025), cert,
		fmt.Sprintf("relayhost = [%s]:1587", s.ip),
		"smtp_sasl_auth_enable = yes",
		fmt.Sprintf("smtp_sasl_password_maps = inline:{ {[%s]:1587=%s:%s} }", s.ip, user, password),
		"smtp_sasl_security_options =",
		"smtp_tls_security_level = encrypt",
	)
	p.send(user, []string{user}, fmt.Sprintf(letter, user, user, "submitted", letterBody))
	s.imap().waitMessages("INBOX", 1)
	figures := command(t, "curl", "-sS", "--max-time", "300", "http://"+s.addr(1080)+"/metrics")
	if want := `mox_smtpserver_auth_total{kind="submission",mechanism="SCRAM-SHA-256",result="ok"} 1`; !strings.Contains(figures, want) {
		t.Errorf("no %s in\n%s", want, figures)
	}
}
