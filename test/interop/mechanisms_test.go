package interop

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMechanisms logs in with the mechanisms that do not send the password, by the SASL libraries
// that clients have: GNU SASL, Cyrus SASL, and those that curl, swaks and Python wrote themselves.
func TestMechanisms(t *testing.T) {
	t.Parallel()
	s := startConfigured(t, func(dir string) {
		insertAfter(t, filepath.Join(dir, "domains.conf"), "\tmox:", "\t\tPasswordMechanisms:\n\t\t\t- SCRAM-SHA-1\n\t\t\t- CRAM-MD5\n")
		cmd := exec.Command(moxBinary, "--config", filepath.Join(dir, "mox.conf"), "setaccountpassword", "mox")
		cmd.Stdin = strings.NewReader(password + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("setting the password anew: %v\n%s", err, out)
		}
	})
	n := 0
	submitted := func(client string, err error, out string) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v\n%s", client, err, out)
			return
		}
		n++
	}

	// Swaks, in TLS and without.
	for _, args := range [][]string{{"--tls"}, {}} {
		out, code := s.swaks(1587, append(args, "--auth", "CRAM-MD5", "--auth-user", user, "--auth-password", password, "--from", user, "--to", user)...)
		var err error
		if code != swaksOK {
			err = fmt.Errorf("exit code %d", code)
		}
		submitted("swaks CRAM-MD5", err, out)
	}
	if out, code := s.swaks(1587, "--auth", "CRAM-MD5", "--auth-user", user, "--auth-password", "wrong", "--from", user, "--to", user); code != swaksAuth {
		t.Errorf("swaks with a wrong password: exit code %d\n%s", code, out)
	}

	// Msmtp has GNU SASL.
	for _, mechanism := range []string{"scram-sha-256", "scram-sha-1", "cram-md5", "on"} {
		conf := func(password string) string {
			return fmt.Sprintf("account default\nhost %s\nport 1465\nfrom %s\nuser %s\npassword %s\nauth %s\ntls on\ntls_starttls off\ntls_trust_file %s\n",
				s.ip, user, user, password, mechanism, s.certificate())
		}
		out, err := msmtp(t, conf(password), "From: <"+user+">\nSubject: "+mechanism+"\n\nbody\n", user)
		submitted("msmtp "+mechanism, err, out)
		if out, err := msmtp(t, conf("wrong"), "From: <"+user+">\n\nbody\n", user); err == nil {
			t.Errorf("msmtp %s with a wrong password was let in\n%s", mechanism, out)
		}
	}

	// Curl.
	message := writeFile(t, t.TempDir(), "message", "From: <"+user+">\r\nSubject: curl\r\n\r\nbody\r\n")
	curl := []string{"-sS", "-k", "--max-time", "300", "--user", user + ":" + password, "--login-options", "AUTH=CRAM-MD5"}
	out, err := tryCommand(t, "curl", append(curl, "smtps://"+s.addr(1465), "--mail-from", user, "--mail-rcpt", user, "-T", message)...)
	submitted("curl CRAM-MD5", err, out)
	if out, err := tryCommand(t, "curl", append(curl, "imap://"+s.addr(1143)+"/")...); err != nil || !strings.Contains(out, "INBOX") {
		t.Errorf("curl imap CRAM-MD5: %v\n%s", err, out)
	}

	// Mbsync has Cyrus SASL.
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"} {
		newMbsync(t, s, mechanism).sync()
	}

	python(t, "mechanisms.py", s.ip, "1143", "1587", user, password)

	s.imap().waitMessages("INBOX", n)
}
