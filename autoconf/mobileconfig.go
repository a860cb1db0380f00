package autoconf

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"strconv"
)

// Mobileconfig returns a configuration profile for Apple's systems that adds the account of an
// address. FullName is for what the user sends, and may be empty. The password is asked for. Profiles
// for the same address replace each other. The profile is not signed, which the system tells the user. Errors are
// ErrIncomplete.
func Mobileconfig(s *Settings, address, fullName string) ([]byte, error) {
	imap, ok1 := secure(s.IMAP)
	submission, ok2 := secure(s.Submission)
	if !ok1 || !ok2 {
		return nil, ErrIncomplete
	}
	account := plistDict{
		{"EmailAccountDescription", address},
		{"EmailAccountType", "EmailTypeIMAP"},
		{"EmailAddress", address},
		{"IncomingMailServerAuthentication", "EmailAuthPassword"},
		{"IncomingMailServerHostName", imap.Host.ASCII},
		{"IncomingMailServerPortNumber", imap.Port},
		{"IncomingMailServerUseSSL", true},
		{"IncomingMailServerUsername", address},
		{"OutgoingMailServerAuthentication", "EmailAuthPassword"},
		{"OutgoingMailServerHostName", submission.Host.ASCII},
		{"OutgoingMailServerPortNumber", submission.Port},
		{"OutgoingMailServerUseSSL", true},
		{"OutgoingMailServerUsername", address},
		{"OutgoingPasswordSameAsIncomingPassword", true},
		{"PayloadDescription", "Mail account"},
		{"PayloadDisplayName", address},
		{"PayloadIdentifier", s.Domain.ASCII + ".email." + fingerprint(address)[:12]},
		{"PayloadType", "com.apple.mail.managed"},
		{"PayloadUUID", uuid("account " + address)},
		{"PayloadVersion", 1},
	}
	if fullName != "" {
		account = append(account, plistEntry{"EmailAccountName", fullName})
	}
	profile := plistDict{
		{"PayloadContent", []plistDict{account}},
		{"PayloadDescription", "Settings for reading and sending mail"},
		{"PayloadDisplayName", s.name() + " mail"},
		{"PayloadIdentifier", s.Domain.ASCII + ".profile." + fingerprint(address)[:12]},
		{"PayloadOrganization", s.name()},
		{"PayloadRemovalDisallowed", false},
		{"PayloadType", "Configuration"},
		{"PayloadUUID", uuid("profile " + address)},
		{"PayloadVersion", 1},
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	b.WriteString(`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">\n")
	profile.write(&b)
	b.WriteString("</plist>\n")
	return b.Bytes(), nil
}

// fingerprint stands for an address where only letters and digits can.
func fingerprint(s string) string {
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%x", sum)
}

// uuid returns the same identifier, of version 8 (RFC 9562 §5.8), for the same name.
func uuid(name string) string {
	sum := sha256.Sum256([]byte(name))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// plistDict is a dictionary of a property list.
type plistDict []plistEntry

type plistEntry struct {
	key   string
	value any
}

func (d plistDict) write(b *bytes.Buffer) {
	b.WriteString("<dict>\n")
	for _, e := range d {
		b.WriteString("<key>" + e.key + "</key>")
		switch v := e.value.(type) {
		case string:
			b.WriteString("<string>")
			xml.EscapeText(b, []byte(v)) // To memory.
			b.WriteString("</string>")
		case int:
			b.WriteString("<integer>" + strconv.Itoa(v) + "</integer>")
		case bool:
			fmt.Fprintf(b, "<%t/>", v)
		case []plistDict:
			b.WriteString("<array>\n")
			for _, inner := range v {
				inner.write(b)
			}
			b.WriteString("</array>")
		}
		b.WriteByte('\n')
	}
	b.WriteString("</dict>\n")
}
