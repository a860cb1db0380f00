package smtpserver

import (
	"mox/config"
	"mox/smtp"
)

// aliases are those of the tests: team@ of alice and bob, members only, and hello@ for anybody.
func (a addresses) LookupAlias(p smtp.Path) *config.Alias {
	if p.IPDomain.Domain.ASCII != "example.org" {
		return nil
	}
	member := func(localpart smtp.Localpart, account string) config.AliasMember {
		return config.AliasMember{
			Address:     smtp.Address{Localpart: localpart, Domain: p.IPDomain.Domain},
			Destination: config.Destination{Account: account, Mailbox: "Inbox"},
		}
	}
	address := smtp.Address{Localpart: p.Localpart, Domain: p.IPDomain.Domain}
	switch p.Localpart {
	case "team":
		return &config.Alias{Address: address, Members: []config.AliasMember{member("alice", "alice"), member("bob", "bob")}}
	case "hello":
		return &config.Alias{Address: address, PostPublic: true, Members: []config.AliasMember{member("alice", "alice"), member("info", "alice")}}
	}
	return nil
}
