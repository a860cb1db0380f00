package admin

import (
	"fmt"

	"mox/config"
	"mox/dns"
)

// ClientService is a service for mail programs.
type ClientService struct {
	Protocol string `json:"protocol"` // "IMAP" or "submission".
	Host     string `json:"host"`     // In ASCII.
	Port     int    `json:"port"`
	Security string `json:"security"` // "TLS", "STARTTLS" or "none".
}

// ClientSettings returns what mail programs are to use for accounts at a domain, for each protocol with the better one
// first: TLS from the start (RFC 8314 §3). Errors wrap ErrNoDomain.
func ClientSettings(cfg *config.Config, domain dns.Domain) ([]ClientService, error) {
	d := cfg.Domain(domain)
	if d == nil {
		return nil, fmt.Errorf("%w: %s; see \"mox config domain list\"", ErrNoDomain, domain.Name())
	}
	listeners := cfg.PublicListeners()
	if len(listeners) == 0 {
		listeners = cfg.Listeners // A server for this machine alone.
	}
	l := []ClientService{}
	for _, protocol := range []string{"IMAP", "submission"} {
		for _, li := range listeners {
			host := li.Hostname
			if !d.ClientSettingsDomain.IsZero() {
				host = d.ClientSettingsDomain
			}
			implicit, plain := li.IMAPS, li.IMAP
			if protocol == "submission" {
				implicit, plain = li.Submissions, li.Submission
			}
			if implicit.Enabled {
				l = append(l, ClientService{protocol, host.ASCII, implicit.Port, "TLS"})
			}
			switch {
			case plain.Enabled && li.TLS != nil:
				l = append(l, ClientService{protocol, host.ASCII, plain.Port, "STARTTLS"})
			case plain.Enabled:
				l = append(l, ClientService{protocol, host.ASCII, plain.Port, "none"})
			}
		}
	}
	return l, nil
}
