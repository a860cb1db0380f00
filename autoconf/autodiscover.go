package autoconf

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

const (
	requestSchema  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	responseSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	outerSchema    = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"

	// maxAutodiscover is more than a request has, in bytes.
	maxAutodiscover = 64 << 10
)

// Errors of ParseAutodiscover.
var (
	ErrSyntax = errors.New("malformed autodiscover request")
	// ErrSchema is for a client that wants something else than Outlook does, such as the settings of ActiveSync.
	ErrSchema = errors.New("autodiscover request for an unknown schema")
)

// ParseAutodiscover returns the address that a request is for, as the client wrote it. Errors wrap ErrSyntax and ErrSchema.
func ParseAutodiscover(r io.Reader) (address string, err error) {
	var req struct {
		XMLName xml.Name `xml:"Autodiscover"`
		Request struct {
			EMailAddress             string
			AcceptableResponseSchema string
		}
	}
	d := xml.NewDecoder(io.LimitReader(r, maxAutodiscover))
	if err := d.Decode(&req); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	if req.XMLName.Space != requestSchema || req.Request.EMailAddress == "" {
		return "", ErrSyntax
	}
	if req.Request.AcceptableResponseSchema != responseSchema {
		return "", fmt.Errorf("%w %q", ErrSchema, req.Request.AcceptableResponseSchema)
	}
	return req.Request.EMailAddress, nil
}

type autodiscover struct {
	XMLName  xml.Name `xml:"Autodiscover"`
	Xmlns    string   `xml:"xmlns,attr"`
	Response struct {
		Xmlns   string `xml:"xmlns,attr"`
		Account struct {
			AccountType string
			Action      string
			Protocol    []autodiscoverProtocol
		}
	}
}

type autodiscoverProtocol struct {
	Type         string
	Server       string
	Port         int
	LoginName    string
	DomainName   string `xml:",omitempty"`
	SPA          string
	SSL          string
	Encryption   string
	AuthRequired string
}

// Autodiscover returns the answer to a request for an address. Outlook can do with TLS only: it gets the first
// servers of each kind that have it. Errors are ErrIncomplete.
func Autodiscover(s *Settings, address string) ([]byte, error) {
	a := autodiscover{Xmlns: outerSchema}
	a.Response.Xmlns = responseSchema
	a.Response.Account.AccountType = "email"
	a.Response.Account.Action = "settings"
	for _, kind := range []struct {
		name    string
		servers []Server
	}{{"IMAP", s.IMAP}, {"SMTP", s.Submission}} {
		srv, ok := secure(kind.servers)
		if !ok {
			return nil, ErrIncomplete
		}
		p := autodiscoverProtocol{
			Type:         kind.name,
			Server:       srv.Host.ASCII,
			Port:         srv.Port,
			LoginName:    address,
			SPA:          "off",
			SSL:          "on",
			Encryption:   "SSL",
			AuthRequired: "on",
		}
		if srv.Security == STARTTLS {
			p.Encryption = "TLS"
		}
		a.Response.Account.Protocol = append(a.Response.Account.Protocol, p)
	}
	return document(a)
}

// secure returns the first server with TLS.
func secure(l []Server) (Server, bool) {
	for _, srv := range l {
		if srv.Security != Plain {
			return srv, true
		}
	}
	return Server{}, false
}
