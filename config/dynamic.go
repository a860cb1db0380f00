package config

// Dynamic mirrors domains.conf. What its fields mean is in Config.
type Dynamic struct {
	Domains  map[string]DynamicDomain  `sconf-doc:"This is domains.conf. It is read again on a reload (SIGHUP), and mox writes it when settings are changed in a page or by a command; comments are lost then. Check with \"mox config test\".\n\n\nDomains that mail is accepted for. The key is the name; internationalized ones in UTF-8. Example: example.org."`
	Accounts map[string]DynamicAccount `sconf-doc:"Accounts, each with its own mail, password and settings. The key is the account's name, which is not an address. Example: ann."`
	Routes   []DynamicRoute            `sconf:"optional" sconf-doc:"How outgoing mail travels. For each attempt the routes of the sending account are tried first, then those of the sender's domain, then these. The first that matches is used; without one, mail is delivered directly."`
}

// DynamicDomain is a domain that mail is accepted for.
type DynamicDomain struct {
	Description                 string         `sconf:"optional" sconf-doc:"Free text, for administrators."`
	Disabled                    bool           `sconf:"optional" sconf-doc:"Refuse mail to and from this domain for now, with a temporary error. For preparing or moving a domain. Default: false."`
	LocalpartCatchallSeparators []string       `sconf:"optional" sconf-doc:"Characters that end the significant part of an address: with \"+\", mail to ann+shop@ goes to ann@. The first that occurs counts. Example: +."`
	LocalpartCaseSensitive      bool           `sconf:"optional" sconf-doc:"Treat Ann@ and ann@ as different. Default: false."`
	Routes                      []DynamicRoute `sconf:"optional" sconf-doc:"Routes for mail sent from this domain, see Routes below."`
}

// DynamicAccount is an account.
type DynamicAccount struct {
	Domain                     string                        `sconf-doc:"Domain that the account belongs to, one of Domains. Example: example.org."`
	Description                string                        `sconf:"optional" sconf-doc:"Free text, for administrators."`
	FullName                   string                        `sconf:"optional" sconf-doc:"Name of the person, for From fields of mail that mox composes. Example: Ann Example."`
	LoginDisabled              string                        `sconf:"optional" sconf-doc:"If set, nobody can log in to this account; the text is shown to who tries. Mail is still received. Example: account is suspended."`
	PasswordMechanisms         []string                      `sconf:"optional" sconf-doc:"SASL mechanisms that the password can be used with besides PLAIN, LOGIN and SCRAM-SHA-256: SCRAM-SHA-1, and CRAM-MD5, for clients that know nothing better. They work once the password is set anew. They are then offered to all clients, and one that prefers them fails for accounts that do not have them. Who reads what mox keeps for CRAM-MD5 can log in. Example: CRAM-MD5."`
	TLSClientKeys              []string                      `sconf:"optional" sconf-doc:"Keys of TLS clients that log in without a password, by SASL EXTERNAL: the SHA-256 of the public key, in base64. Make one from a certificate with: openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64. It does not matter who signed the certificate and how long it is valid."`
	Destinations               map[string]DynamicDestination `sconf:"optional" sconf-doc:"Addresses whose mail this account receives, and from which it may send. The key is a full address, or @ with a domain for all other addresses of that domain. The value may be \"nil\" for Inbox. Example: ann@example.org."`
	QuotaMessageSize           int64                         `sconf:"optional" sconf-doc:"Most bytes of mail this account may hold. Default: 0, the value of mox.conf; -1 is no limit."`
	MaxOutgoingMessagesPerDay  int                           `sconf:"optional" sconf-doc:"Recipients of submitted mail in 24 hours; more are refused for now. Limits the damage of a stolen password; a restart of mox begins to count anew. Default: 1000; -1 is no limit."`
	MaxOutgoingMessagesPerHour int                           `sconf:"optional" sconf-doc:"Recipients of submitted mail in an hour. Default: half of MaxOutgoingMessagesPerDay, but not less than 500; -1 is no limit."`
	MaxSubmissionsPerHour      int                           `sconf:"optional" sconf-doc:"Messages submitted in an hour, however many recipients each has. Default: 300; -1 is no limit."`
	Routes                     []DynamicRoute                `sconf:"optional" sconf-doc:"Routes for mail sent by this account, see Routes below."`
}

// DynamicDestination is where mail for an address goes.
type DynamicDestination struct {
	Mailbox string `sconf:"optional" sconf-doc:"Mailbox to deliver to, made when missing. Default: Inbox. Example: Lists/golang."`
}

// DynamicRoute sends some outgoing mail by a transport.
type DynamicRoute struct {
	FromDomain      []string `sconf:"optional" sconf-doc:"Domains of senders this applies to. A name with a leading dot is all names below it. Default: all. Example: example.org."`
	ToDomain        []string `sconf:"optional" sconf-doc:"Domains of recipients this applies to, in the same form. Default: all. Example: .example.net."`
	MinimumAttempts int      `sconf:"optional" sconf-doc:"Apply only after this many attempts have failed. Default: 0."`
	Transport       string   `sconf-doc:"Name of a transport in mox.conf."`
}
