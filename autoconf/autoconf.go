package autoconf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"

	"mox/dns"
)

// Security is how a connection is protected.
type Security uint8

// Kinds of protection.
const (
	TLS      Security = iota // From the start.
	STARTTLS                 // After a command.
	Plain                    // Not at all.
)

// Server is a server of one protocol.
type Server struct {
	Host     dns.Domain
	Port     int
	Security Security
}

// Settings describe how mail of a domain is read and sent. Logins are with the full address
// and a password.
type Settings struct {
	Domain     dns.Domain
	Name       string   // Of the provider, for people. Default: the domain.
	IMAP       []Server // The best one first.
	Submission []Server // The best one first.
}

// ErrIncomplete is returned for settings without a server for reading or for sending.
var ErrIncomplete = errors.New("settings lack a server")

func (s *Settings) check() error {
	if len(s.IMAP) == 0 || len(s.Submission) == 0 {
		return ErrIncomplete
	}
	return nil
}

func (s *Settings) name() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Domain.Name()
}

// clientConfig is the root of Thunderbird's configuration file.
type clientConfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Version  string   `xml:"version,attr"`
	Provider struct {
		ID               string `xml:"id,attr"`
		Domain           string `xml:"domain"`
		DisplayName      string `xml:"displayName"`
		DisplayShortName string `xml:"displayShortName"`
		Incoming         []thunderbirdServer
		Outgoing         []thunderbirdServer
	} `xml:"emailProvider"`
}

type thunderbirdServer struct {
	XMLName        xml.Name
	Type           string `xml:"type,attr"`
	Hostname       string `xml:"hostname"`
	Port           int    `xml:"port"`
	SocketType     string `xml:"socketType"`
	Username       string `xml:"username"`
	Authentication string `xml:"authentication"`
}

// Thunderbird returns the configuration file that Thunderbird and others ask for at
// /mail/config-v1.1.xml of autoconfig.<domain>. Errors are ErrIncomplete.
func Thunderbird(s *Settings) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	c := clientConfig{Version: "1.1"}
	c.Provider.ID = s.Domain.ASCII
	c.Provider.Domain = s.Domain.ASCII
	c.Provider.DisplayName = s.name()
	c.Provider.DisplayShortName = s.name()
	for _, srv := range s.IMAP {
		c.Provider.Incoming = append(c.Provider.Incoming, thunderbird("incomingServer", "imap", srv))
	}
	for _, srv := range s.Submission {
		c.Provider.Outgoing = append(c.Provider.Outgoing, thunderbird("outgoingServer", "smtp", srv))
	}
	return document(c)
}

func thunderbird(element, kind string, srv Server) thunderbirdServer {
	return thunderbirdServer{
		XMLName:    xml.Name{Local: element},
		Type:       kind,
		Hostname:   srv.Host.ASCII,
		Port:       srv.Port,
		SocketType: map[Security]string{TLS: "SSL", STARTTLS: "STARTTLS", Plain: "plain"}[srv.Security],
		Username:   "%EMAILADDRESS%",
		// The password is protected by TLS, or else by the mechanism.
		Authentication: map[Security]string{TLS: "password-cleartext", STARTTLS: "password-cleartext", Plain: "password-encrypted"}[srv.Security],
	}
}

// document returns an XML document.
func document(v any) ([]byte, error) {
	b := bytes.NewBufferString(xml.Header)
	e := xml.NewEncoder(b)
	e.Indent("", "\t")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("composing XML: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
