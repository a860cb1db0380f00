package config

import "time"

// Dynamic mirrors domains.conf. What its fields mean is in Config.
type Dynamic struct {
	Domains  map[string]DynamicDomain  `sconf-doc:"This is domains.conf. It is read again on a reload (SIGHUP), and mox writes it when settings are changed in a page or by a command; comments are lost then. Check with \"mox config test\".\n\n\nDomains that mail is accepted for. The key is the name; internationalized ones in UTF-8. Example: example.org."`
	Accounts map[string]DynamicAccount `sconf-doc:"Accounts, each with its own mail, password and settings. The key is the account's name, which is not an address. Example: ann."`
	Routes   []DynamicRoute            `sconf:"optional" sconf-doc:"How outgoing mail travels. For each attempt the routes of the sending account are tried first, then those of the sender's domain, then these. The first that matches is used; without one, mail is delivered directly."`

	WebDomainRedirects map[string]string           `sconf:"optional" sconf-doc:"Websites that only send to another one: the key is the host name of requests, the value the one to go to, with the same path. Example: example.org with value www.example.org."`
	WebHandlers        []DynamicWebHandler         `sconf:"optional" sconf-doc:"Websites, on listeners with WebserverHTTP or WebserverHTTPS. The first handler whose Domain and PathRegexp fit a request answers it."`
	WebDomains         map[string]DynamicWebDomain `sconf:"optional" sconf-doc:"More about host names of WebHandlers and WebDomainRedirects: TLS and certificates. The key is the host name. Example: www.example.org."`
	SecurityTxt        *DynamicSecurityTxt         `sconf:"optional" sconf-doc:"Whom to tell about security problems: /.well-known/security.txt (RFC 9116) of all names that mox serves, unless a handler answers."`
}

// DynamicDomain is a domain that mail is accepted for.
type DynamicDomain struct {
	Description                 string         `sconf:"optional" sconf-doc:"Free text, for administrators."`
	Disabled                    bool           `sconf:"optional" sconf-doc:"Refuse mail to and from this domain for now, with a temporary error. For preparing or moving a domain. Default: false."`
	LocalpartCatchallSeparators []string       `sconf:"optional" sconf-doc:"Characters that end the significant part of an address: with \"+\", mail to ann+shop@ goes to ann@. The first that occurs counts. Example: +."`
	LocalpartCaseSensitive      bool           `sconf:"optional" sconf-doc:"Treat Ann@ and ann@ as different. Default: false."`
	DKIM                        *DynamicDKIM   `sconf:"optional" sconf-doc:"Sign mail from this domain, so that others can check that it is (DKIM, RFC 6376). It counts for mail whose From field has an address at exactly this domain, unless Subdomains is set. Without it mail is sent unsigned."`
	MTASTS                      *DynamicMTASTS `sconf:"optional" sconf-doc:"Tell others to deliver mail to this domain only with TLS and a valid certificate (MTA-STS, RFC 8461), for listeners with MTASTSHTTPS."`
	ClientSettingsDomain        string         `sconf:"optional" sconf-doc:"Name of the server that mail programs are told for IMAP and submission, for which there must be a certificate. Default: the name of the listener. Example: mail.example.org."`
	Routes                      []DynamicRoute `sconf:"optional" sconf-doc:"Routes for mail sent from this domain, see Routes below."`

	Aliases map[string]DynamicAlias `sconf:"optional" sconf-doc:"Addresses at this domain whose mail goes to several accounts here. The key is the part before the @. Example: team."`
}

// DynamicDKIM is how mail from a domain is signed.
type DynamicDKIM struct {
	Selectors  map[string]DynamicSelector `sconf-doc:"Keys to sign with. The key here is the selector: with selector 2026a, others look for the public key in DNS at 2026a._domainkey.<domain>. Have one with an RSA key of 2048 bits, which all can check, and one with an Ed25519 key. Example: 2026a."`
	Sign       []string                   `sconf:"optional" sconf-doc:"Selectors that mail is signed with. Others are prepared: their records can be in DNS long before, and long after, they are used. Default: all. Example: 2026a."`
	Subdomains bool                       `sconf:"optional" sconf-doc:"Sign also mail from names below this domain that have no DKIM of their own, e.g. delivery reports from postmaster at the Hostname of mox.conf. Such a signature counts for DMARC unless the policy asks for strict alignment (RFC 7489 §3.1.1). Default: false."`
}

// DynamicSelector is a key to sign with.
type DynamicSelector struct {
	PrivateKeyFile         string        `sconf-doc:"PEM file with the private key, RSA or Ed25519, in PKCS #8 (RSA also in PKCS #1), relative to the directory of this file. Only its owner, and at most a group, may read it. It is read again on a reload. Make one with \"mox dkim genrsa\" or \"mox dkim gened25519\"; \"mox dkim txt\" prints its record for DNS. Example: dkim/2026a.example.org.rsa.pem."`
	Hash                   string        `sconf:"optional" sconf-doc:"Hash algorithm. Only sha256 is possible: RFC 8301 forbids sha1. Default: sha256."`
	HeaderCanonicalization string        `sconf:"optional" sconf-doc:"What signed header fields may suffer on the way: relaxed is changes of white space and of the case of names, simple is nothing. Default: relaxed."`
	BodyCanonicalization   string        `sconf:"optional" sconf-doc:"What the body may suffer on the way: relaxed is changes of white space within lines and at their ends, simple is only empty lines at its end. Default: relaxed."`
	Headers                []string      `sconf:"optional" sconf-doc:"Header fields to sign, From among them. Default: those that readers and mail programs rely on, such as From, To, Cc, Subject, Date, Message-ID, Reply-To, References and the fields of MIME. Example: From."`
	DontSealHeaders        bool          `sconf:"optional" sconf-doc:"Sign of each header only the fields that are there. By default the signature breaks also if one more of them is added, which a reader may take for the signed one. Default: false."`
	Expiration             time.Duration `sconf:"optional" sconf-doc:"How long a signature is valid, at least 1h. Mail can wait in queues for 5 days. Default: 0, without end. Example: 168h."`
}

// DynamicAccount is an account.
type DynamicAccount struct {
	Domain                       string                        `sconf-doc:"Domain that the account belongs to, one of Domains. Example: example.org."`
	Description                  string                        `sconf:"optional" sconf-doc:"Free text, for administrators."`
	FullName                     string                        `sconf:"optional" sconf-doc:"Name of the person, for From fields of mail that mox composes. Example: Ann Example."`
	LoginDisabled                string                        `sconf:"optional" sconf-doc:"If set, nobody can log in to this account; the text is shown to who tries. Mail is still received. Example: account is suspended."`
	PasswordMechanisms           []string                      `sconf:"optional" sconf-doc:"SASL mechanisms that the password can be used with besides PLAIN, LOGIN and SCRAM-SHA-256: SCRAM-SHA-1, and CRAM-MD5, for clients that know nothing better. They work once the password is set anew. They are then offered to all clients, and one that prefers them fails for accounts that do not have them. Who reads what mox keeps for CRAM-MD5 can log in. Example: CRAM-MD5."`
	TLSClientKeys                []string                      `sconf:"optional" sconf-doc:"Keys of TLS clients that log in without a password, by SASL EXTERNAL: the SHA-256 of the public key, in base64. Make one from a certificate with: openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64. It does not matter who signed the certificate and how long it is valid."`
	Destinations                 map[string]DynamicDestination `sconf:"optional" sconf-doc:"Addresses whose mail this account receives, and from which it may send. The key is a full address, or @ with a domain for all other addresses of that domain. The value may be \"nil\" for Inbox. Example: ann@example.org."`
	QuotaMessageSize             int64                         `sconf:"optional" sconf-doc:"Most bytes of mail this account may hold. Default: 0, the value of mox.conf; -1 is no limit."`
	MaxOutgoingMessagesPerDay    int                           `sconf:"optional" sconf-doc:"Recipients of submitted mail in 24 hours; more are refused for now. Limits the damage of a stolen password; a restart of mox begins to count anew. Default: 1000, with mox localserve none; -1 is no limit."`
	MaxOutgoingMessagesPerHour   int                           `sconf:"optional" sconf-doc:"Recipients of submitted mail in an hour. Default: half of MaxOutgoingMessagesPerDay, but not less than 500, or none if that has none; -1 is no limit."`
	MaxFirstTimeRecipientsPerDay int                           `sconf:"optional" sconf-doc:"Recipients in 24 hours of submitted mail to whom this account has never sent before, not counting accounts here; more are refused for now. Who has stolen a password writes to strangers. A restart of mox begins to count anew. Default: 200, with mox localserve none; -1 is no limit."`
	MaxSubmissionsPerHour        int                           `sconf:"optional" sconf-doc:"Messages submitted in an hour, however many recipients each has. Default: 300, with mox localserve none; -1 is no limit."`
	Routes                       []DynamicRoute                `sconf:"optional" sconf-doc:"Routes for mail sent by this account, see Routes below."`
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
