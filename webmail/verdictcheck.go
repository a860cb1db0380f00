package webmail

import (
	"strings"

	"mox/authres"
	"mox/pipeline/checks"
)

// checks returns in which ways a message was checked, each with a sentence.
func (s *subject) checks() []Check {
	var l []Check
	if s.submitted() {
		l = append(l, Check{"Login", "pass", LevelOK, "It was sent by somebody who had logged in to this server, which lets nobody use the address of another."})
	}
	if c, ok := s.dmarcCheck(); ok {
		l = append(l, c)
	}
	l = append(l, s.dkimChecks()...)
	if c, ok := s.spfCheck(); ok {
		l = append(l, c)
	}
	if c, ok := s.arcCheck(); ok {
		l = append(l, c)
	}
	if c, ok := s.tlsCheck(); ok {
		l = append(l, c)
	}
	if c, ok := s.iprevCheck(); ok {
		l = append(l, c)
	}
	return append(l, s.dnsblChecks()...)
}

// quoted returns a domain for a sentence.
func quoted(domain string) string {
	if domain == "" {
		return "the sender's domain"
	}
	name := unicodeDomain(domain)
	if name != domain && strings.Contains(domain, "xn--") {
		return name + " (" + domain + ")"
	}
	return name
}

// capital returns a sentence with a capital at its beginning, unless a name stands there.
func capital(sentence string) string {
	if rest, ok := strings.CutPrefix(sentence, "the "); ok {
		return "The " + rest
	}
	return sentence
}

func (s *subject) dmarcCheck() (Check, bool) {
	result := s.result("dmarc")
	c := Check{Name: "DMARC", Result: result, Level: LevelInfo}
	from := quoted(s.from)
	switch result {
	case "":
		return c, false
	case "pass":
		c.Level, c.Text = LevelOK, "Whoever sent it may use "+from+" in From."
	case "fail":
		c.Level, c.Text = LevelBad, "Whoever sent it is not known to belong to "+from+", which is in From"
		switch s.fact(checks.FactDMARCPolicy) {
		case "reject":
			c.Text += " and asks for such mail to be refused"
		case "quarantine":
			c.Text += " and asks for such mail to be treated with suspicion"
		case "none":
			c.Level = LevelWarn
			c.Text += " and asks for nothing to be done about that"
		}
		c.Text += "."
	case "none":
		c.Text = capital(from + " does not say how to tell its mail from forged mail.")
	case "temperror":
		c.Level, c.Text = LevelWarn, "It could not be found out whether the sender may use "+from+"."
	default:
		c.Level, c.Text = LevelWarn, capital(from+" has rules for its mail that cannot be understood, or the message does not say clearly whom it is from.")
	}
	return c, true
}

// maxSignatures bounds the signatures that are told of.
const maxSignatures = 10

func (s *subject) dkimChecks() []Check {
	results := s.methods("dkim")
	if len(results) == 0 {
		// Older facts than the header.
		for _, d := range s.signers() {
			results = append(results, authres.Result{Method: "dkim", Result: "pass", Props: []authres.Prop{{Type: "header", Property: "d", Value: d}}})
		}
	}
	var l []Check
	for _, r := range results[:min(len(results), maxSignatures)] {
		domain, _ := r.Prop("header", "d")
		signer := quoted(domain)
		c := Check{Name: "DKIM", Result: r.Result, Level: LevelWarn}
		switch r.Result {
		case "pass":
			c.Level, c.Text = LevelOK, "It was signed by "+signer+", and not changed since."
		case "none":
			c.Level, c.Text = LevelInfo, "Nobody has signed it."
		case "fail":
			c.Text = "The signature of " + signer + " does not fit: the message was changed on its way, or the signature is forged."
		case "temperror":
			c.Text = "The signature of " + signer + " could not be checked then."
		default:
			c.Text = "The signature of " + signer + " does not count."
		}
		if r.Reason != "" && r.Result != "pass" {
			c.Text += " (" + cutText(r.Reason, 200) + ")"
		}
		l = append(l, c)
	}
	return l
}

func (s *subject) spfCheck() (Check, bool) {
	result := s.result("spf")
	c := Check{Name: "SPF", Result: result, Level: LevelInfo}
	domain := quoted(s.spfDomain())
	switch result {
	case "":
		return c, false
	case "pass":
		c.Level, c.Text = LevelOK, "The server that sent it may send for "+domain+"."
	case "fail":
		c.Level, c.Text = LevelBad, capital(domain+" says that the server that sent it may not send for it.")
	case "softfail":
		c.Level, c.Text = LevelWarn, capital(domain+" says that the server that sent it should not send for it.")
	case "neutral":
		c.Text = capital(domain + " does not want to say whether the server that sent it may send for it.")
	case "none":
		c.Text = capital(domain + " does not say which servers send for it.")
	case "temperror":
		c.Level, c.Text = LevelWarn, "It could not be found out which servers send for "+domain+"."
	default:
		c.Level, c.Text = LevelWarn, capital(domain+" says which servers send for it in a way that cannot be understood.")
	}
	return c, true
}

func (s *subject) arcCheck() (Check, bool) {
	result := s.result("arc")
	c := Check{Name: "ARC", Result: result, Level: LevelInfo}
	switch result {
	case "pass":
		c.Text = "It was passed on by " + quoted(s.fact(checks.FactARCDomain)) + ", which tells what it had found out about the sender. Whether that is true depends on who that is."
	case "fail":
		c.Level, c.Text = LevelWarn, "It was passed on by others, and what they tell about the sender was changed."
	default:
		return c, false
	}
	return c, true
}

func (s *subject) tlsCheck() (Check, bool) {
	with := s.received["with"]
	c := Check{Name: "TLS", Result: "pass", Level: LevelOK, Text: "It came over an encrypted connection"}
	switch {
	case !strings.Contains(with, "SMTP"):
		return c, false
	case strings.HasSuffix(with, "SMTPS") || strings.HasSuffix(with, "SMTPSA"):
		if cipher := s.received["tls"]; cipher != "" {
			c.Text += ", by " + cutText(cipher, 100)
		}
		c.Text += "."
	default:
		c.Result, c.Level, c.Text = "none", LevelWarn, "The connection over which it came was not encrypted."
	}
	return c, true
}

func (s *subject) iprevCheck() (Check, bool) {
	result := s.result("iprev")
	c := Check{Name: "Reverse DNS", Result: result, Level: LevelInfo}
	ip := "The server that sent it"
	for _, r := range s.methods("iprev") {
		if v, ok := r.Prop("policy", "iprev"); ok {
			ip += ", " + cutText(v, 60) + ","
		}
	}
	switch result {
	case "":
		return c, false
	case "pass":
		c.Level, c.Text = LevelOK, ip+" has the name "+quoted(s.fact(checks.FactIPRevName))+"."
		if s.fact(checks.FactIPRevName) == "" {
			c.Text = ip + " has a name that leads back to it."
		}
	case "fail":
		c.Level, c.Text = LevelWarn, ip+" has a name that does not lead back to it."
	case "permerror":
		c.Level, c.Text = LevelWarn, ip+" has no name."
	default:
		c.Text = ip + " may have a name, which could not be found out."
	}
	return c, true
}

func (s *subject) dnsblChecks() []Check {
	var l []Check
	for _, r := range s.methods("dnsbl") {
		zone, _ := r.Prop("dns", "zone")
		c := Check{Name: "Block list", Result: r.Result, Level: LevelInfo}
		switch r.Result {
		case "pass":
			c.Level, c.Text = LevelOK, "The server that sent it is not on the block list "+quoted(zone)+"."
		case "fail":
			c.Level, c.Text = LevelBad, "The server that sent it is on the block list "+quoted(zone)+"."
		default:
			c.Text = "The block list " + quoted(zone) + " gave no answer."
		}
		l = append(l, c)
	}
	return l
}

// reasons says why a message is in a mailbox.
func (s *subject) reasons(mb Mailbox) []Reason {
	var l []Reason
	add := func(level Level, text string) { l = append(l, Reason{level, text}) }
	aside := mb.Role == RoleJunk || mb.Role == RoleRejects
	level := LevelInfo
	if aside {
		level = LevelWarn
	}
	// The words are those of the checks in package pipeline/checks.
	switch s.reason {
	case "":
	case "dmarc":
		add(level, "On arrival it failed DMARC: whoever sent it may not use "+quoted(s.from)+" in From, and that domain asks for such mail to be kept away.")
	case "dmarc-no-author":
		add(level, "On arrival it did not say clearly whom it is from: there was no From with one address, so it counts as forged.")
	case "dmarc-temperror":
		add(level, "On arrival it could not be found out who may use "+quoted(s.from)+" in From.")
	case "dnsbl":
		text := "On arrival the server that sent it was on a block list"
		if zones := s.all("dnsbl"); len(zones) > 0 {
			text += ": " + strings.Join(zones[:min(len(zones), 5)], ", ")
		}
		add(level, text+".")
	default:
		add(level, "On arrival a check named "+cutText(s.reason, 100)+" objected to it.")
	}
	switch {
	case mb.Role == RoleJunk && s.reason == "" && s.checked():
		add(LevelInfo, "Nothing was found against it on arrival: it was moved to Junk later, by you, a rule or a mail program.")
	case mb.Role == RoleJunk && s.reason == "":
		add(LevelInfo, "It was put into Junk by a mail program, or moved there.")
	case mb.Role == RoleRejects && s.reason != "":
		add(LevelInfo, "The sender was told that it was refused. It is here so that you can see what was.")
	case !aside && s.reason != "":
		add(LevelInfo, "It was moved here later, by you or a mail program.")
	}
	return l
}
