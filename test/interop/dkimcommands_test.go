package interop

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// runOn runs a program with a message as standard input, and returns what it prints.
func runOn(t *testing.T, message []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(message), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return out
}

// TestDKIMCommands signs messages with "mox dkim sign", and with the program dkimsign of dkimpy.
func TestDKIMCommands(t *testing.T) {
	t.Parallel()
	keys := newDKIMKeys(t)
	ip := startNSD(t, keys.zone)
	dir := t.TempDir()
	command(t, moxBinary, "localserve", "--dir", dir, "--ip", ip, "--initonly")
	insertAfter(t, filepath.Join(dir, "domains.conf"), "Domains:", fmt.Sprintf(`	%s:
		DKIM:
			Selectors:
				%s:
					PrivateKeyFile: %s
				%s:
					PrivateKeyFile: %s
					HeaderCanonicalization: simple
					BodyCanonicalization: simple
`, dkimDomain, keys.rsa.selector, keys.rsa.pem, keys.ed25519.selector, keys.ed25519.pem))

	var messages [][]byte
	var want []int // How many signatures each has.
	add := func(n int, signed []byte) {
		messages, want = append(messages, signed), append(want, n)
	}
	for _, m := range hardMail() {
		switch m.name {
		case "ordinary", "empty body", "trailing white space", "folded", "8-bit", "8-bit header", "large":
		default:
			continue
		}
		add(2, runOn(t, m.data, moxBinary, "--config", filepath.Join(dir, "mox.conf"), "dkim", "sign"))
		bare := bytes.ReplaceAll(m.data, []byte("\r\n"), []byte("\n"))
		signed := runOn(t, bare, moxBinary, "--config", filepath.Join(dir, "mox.conf"), "dkim", "sign")
		add(2, bytes.ReplaceAll(signed, []byte("\n"), []byte("\r\n")))
		for _, k := range dkimKinds() {
			key := keys.of(k.algorithm)
			add(1, runOn(t, m.data, "/usr/bin/dkimsign", "--hcanon", string(k.header), "--bcanon", string(k.body),
				"--signalg", string(k.algorithm), key.selector, dkimDomain, key.dkimpy))
		}
	}
	mox := moxVerifies(t, nsdResolver(ip), messages)
	peers := []*peer{newOpenDKIM(t, keys), newDKIMPy(ip)}
	results := [][][]string{mox, peers[0].verifies(t, messages), peers[1].verifies(t, messages)}
	for i := range messages {
		for j, by := range []string{"mox", peers[0].name, peers[1].name} {
			l := results[j][i]
			if len(l) != want[i] {
				t.Errorf("%s finds %d signatures, want %d, in\n%.300s", by, len(l), want[i], messages[i])
			}
			for _, s := range l {
				if !passes(s) {
					t.Errorf("%s says %s of\n%.600s", by, s, messages[i])
				}
			}
		}
	}
}
