package interop

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// msmtp submits a message with a configuration for one account and returns what it says.
func msmtp(t *testing.T, conf, message string, rcpts ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "msmtp", append([]string{"--file=" + writeFile(t, t.TempDir(), "msmtprc", conf), "--debug", "--"}, rcpts...)...)
	cmd.Stdin = strings.NewReader(message)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestMsmtp submits with STARTTLS and with TLS from the start, trusting nothing but the
// certificate of localserve.
func TestMsmtp(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	conf := func(port int, lines ...string) string {
		return fmt.Sprintf("defaults\ntimeout 300\naccount default\nhost %s\nport %d\nfrom %s\nuser %s\npassword %s\ntls on\ntls_trust_file %s\n%s\n",
			s.ip, port, user, user, password, s.certificate(), strings.Join(lines, "\n"))
	}
	message := func(subject string) string {
		return "From: Mox <" + user + ">\nTo: <" + user + ">\nBcc: <hidden@localhost>\nSubject: " + subject + "\n\nsubmitted by msmtp\n.\n..\nend\n"
	}
	n := 0
	for _, mechanism := range []string{"plain", "login", "on"} {
		for what, c := range map[string]string{
			"starttls": conf(1587, "auth "+mechanism, "tls_starttls on"),
			"tls":      conf(1465, "auth "+mechanism, "tls_starttls off"),
		} {
			subject := what + " " + mechanism
			if out, err := msmtp(t, c, message(subject), user); err != nil {
				t.Errorf("%s: %v\n%s", subject, err, out)
				continue
			}
			n++
		}
	}
	// Several recipients, of which one is remote and comes back through the queue.
	if out, err := msmtp(t, conf(1465, "auth plain", "tls_starttls off"), message("several"), user, "somebody@example.org"); err != nil {
		t.Errorf("several recipients: %v\n%s", err, out)
	}
	n += 2

	// RFC 3461: success is notified when asked for, also from afar, and nothing comes back when nothing
	// is asked for.
	for _, tt := range []struct {
		notify string
		rcpts  []string
		n      int // Messages and notifications.
	}{
		{"success,failure", []string{user, "queue550@localhost"}, 3},
		{"success", []string{"somebody@example.org"}, 2},
		{"never", []string{user, "queue550@localhost"}, 1},
	} {
		c := conf(1587, "auth plain", "tls_starttls on", "dsn_notify "+tt.notify, "dsn_return headers")
		if out, err := msmtp(t, c, message("notify "+tt.notify), tt.rcpts...); err != nil {
			t.Errorf("notify %s: %v\n%s", tt.notify, err, out)
		}
		n += tt.n
	}

	for _, tt := range []struct {
		name, conf string
		code       int
		want       string
	}{
		{"wrong password", strings.Replace(conf(1587, "auth plain", "tls_starttls on"), password, "wrong", 1), 77, "535"},
		{"no login", strings.Replace(conf(1587, "auth off", "tls_starttls on"), "user "+user+"\n", "", 1), 65, "530"},
		{"certificate not trusted", strings.Replace(conf(1465, "auth plain", "tls_starttls off"), s.certificate(), "system", 1), 69, "certificate verification failed"},
	} {
		out, err := msmtp(t, tt.conf, message(tt.name), user)
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%s: %v, want exit code %d and %q\n%s", tt.name, err, tt.code, tt.want, out)
		}
	}

	c := s.imap()
	c.waitMessages("INBOX", n)
	got := c.bySubject()
	for _, subject := range []string{"starttls plain", "tls login", "tls on", "several"} {
		if !strings.HasSuffix(got[subject], "\r\n\r\nsubmitted by msmtp\r\n.\r\n..\r\nend\r\n") {
			t.Errorf("%s: came as\n%s", subject, got[subject])
		}
		if strings.Contains(got[subject], "hidden@") {
			t.Errorf("%s: Bcc was sent along\n%s", subject, got[subject])
		}
	}
	if sent := got["several"]; !strings.Contains(sent, "From: Mox <"+user+">\r\n") || !strings.Contains(strings.ToLower(sent), "message-id: <") {
		t.Errorf("message came as\n%s", sent)
	}
	for subject, status := range map[string]string{
		"[Delivered] notify success,failure":     "Final-Recipient: rfc822;" + user + "\r\nAction: delivered\r\nStatus: 2.0.0\r\n",
		"[Not delivered] notify success,failure": "Final-Recipient: rfc822;queue550@localhost\r\nAction: failed\r\nStatus: 5.0.0\r\n",
		"[Delivered] notify success":             "Final-Recipient: rfc822;somebody@example.org\r\nAction: delivered\r\nStatus: 2.0.0\r\n",
	} {
		if !strings.Contains(got[subject], status) || strings.Contains(got[subject], "submitted by msmtp") {
			t.Errorf("%s: want %q and no body in\n%s", subject, status, got[subject])
		}
	}
	if have := c.messages("INBOX"); have != n {
		t.Errorf("%d messages, want %d", have, n)
	}
}
