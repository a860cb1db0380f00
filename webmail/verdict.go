package webmail

import (
	"encoding/json"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"mox/authres"
	"mox/message"
	"mox/pipeline"
	"mox/pipeline/checks"
)

// evidence is what is known about who sent a message. All of it is what this server has found out itself: from the header
// that it prepended, which nobody else can have written, and from the facts kept with the message. What stands in the
// message itself counts for nothing, whoever it says to be from.
type evidence struct {
	facts    []pipeline.Fact
	results  []authres.Result // Of Authentication-Results (RFC 8601).
	received map[string]string
	reason   string // Of X-Mox-Reason.
}

// evidenceOf returns what is known by the prefix and the facts of an email.
func evidenceOf(prefix, facts []byte) *evidence {
	e := &evidence{}
	if len(facts) > 0 {
		// What a later version has written in another form is as if it were not there.
		if err := json.Unmarshal(facts, &e.facts); err != nil {
			e.facts = nil
		}
	}
	for f := range message.Fields(prefix) {
		switch {
		case f.Is(authres.FieldName):
			if r, err := authres.Parse(f.Value); err == nil {
				e.results = append(e.results, r.Methods...)
			}
		case f.Is("Received") && e.received == nil:
			e.received = receivedClauses(f.Value)
		case f.Is("X-Mox-Reason"):
			e.reason = string(message.Unfold(f.Value))
		}
	}
	return e
}

// receivedClauses returns the clauses of a Received field (RFC 5321 §4.4) that this server has written, by their
// first word.
func receivedClauses(value []byte) map[string]string {
	text, _, _ := strings.Cut(string(message.Unfold(value)), ";")
	words := strings.Fields(text)
	l := map[string]string{}
	for i := 0; i+1 < len(words); i++ {
		switch words[i] {
		case "from", "by", "with", "id", "for", "tls":
			l[words[i]] = words[i+1]
			i++
		}
	}
	return l
}

// checked tells whether this server has looked who sent the message.
func (e *evidence) checked() bool { return len(e.facts) > 0 || len(e.results) > 0 }

// submitted tells that the message came from somebody who had logged in here (RFC 3848).
func (e *evidence) submitted() bool {
	with := e.received["with"]
	return !e.checked() && strings.Contains(with, "SMTP") && strings.HasSuffix(with, "A")
}

// fact returns the value of a fact, or "".
func (e *evidence) fact(name string) string {
	for _, f := range e.facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// all returns the values of a fact.
func (e *evidence) all(name string) []string {
	var l []string
	for _, f := range e.facts {
		if f.Name == name {
			l = append(l, f.Value)
		}
	}
	return l
}

// methods returns the results of a method.
func (e *evidence) methods(name string) []authres.Result {
	return slices.DeleteFunc(slices.Clone(e.results), func(r authres.Result) bool { return r.Method != name })
}

// result returns what was found out by a method: from the facts, or else from the first result. Empty if it was not
// tried.
func (e *evidence) result(method string) string {
	if v := e.fact(method); v != "" {
		return v
	}
	if l := e.methods(method); len(l) > 0 {
		return l[0].Result
	}
	return ""
}

// owner returns the name under which a domain, in ASCII, was registered.
func owner(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if name, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return name
	}
	return domain
}

// signers returns the domains, in ASCII, whose signature passes.
func (e *evidence) signers() []string {
	l := e.all(checks.FactDKIMDomain)
	if len(e.facts) == 0 {
		for _, r := range e.methods("dkim") {
			if d, ok := r.Prop("header", "d"); ok && r.Result == "pass" {
				l = append(l, d)
			}
		}
	}
	return l
}

// aligned tells whether a domain is vouched for by a signature or by SPF, as DMARC means it without a record (RFC 7489
// §3.1).
func (e *evidence) aligned(domain string) bool {
	if slices.ContainsFunc(e.signers(), func(d string) bool { return owner(d) == owner(domain) }) {
		return true
	}
	return e.result("spf") == "pass" && owner(e.spfDomain()) == owner(domain)
}

// spfDomain is that which SPF is about.
func (e *evidence) spfDomain() string {
	if d := e.fact(checks.FactSPFDomain); d != "" {
		return d
	}
	for _, r := range e.methods("spf") {
		for _, p := range []string{"mailfrom", "helo"} {
			if v, ok := r.Prop("smtp", p); ok {
				return v[strings.LastIndexByte(v, '@')+1:]
			}
		}
	}
	return ""
}

// subject is what a verdict is about.
type subject struct {
	*evidence
	from string // Domain of From in ASCII; empty if there is none, or more than one.
	list bool   // The message says that it comes over a list.
	mine bool   // The account sent it.
}

// verdict says in words who sent a message.
func (s *subject) verdict() Verdict {
	v := Verdict{Checks: s.checks()}
	name := unicodeDomain(s.from)
	dmarc := s.result("dmarc")
	switch {
	case s.submitted():
		v.Level, v.Summary = LevelOK, "Verified "+name
		if s.mine {
			v.Summary = "Sent by you"
		}
	case s.mine && !s.checked():
		v.Level, v.Summary = LevelInfo, "Sent by you"
	case !s.checked():
		v.Level, v.Summary = LevelInfo, "Not checked"
	case s.from == "":
		v.Level, v.Summary = LevelBad, "Sender check failed"
	case dmarc == "pass", dmarc != "fail" && s.aligned(s.from):
		v.Level, v.Summary = LevelOK, "Verified "+name
	case dmarc == "fail":
		v.Level, v.Summary = LevelBad, "Sender check failed"
		// Lists change messages, so that signatures do not fit any more. Where the domain asks for nothing to be done that is
		// common; where it does, whoever sends so knows that it fails.
		if policy := s.fact(checks.FactDMARCPolicy); s.list && (policy == "" || policy == "none") && s.vouched() {
			v.Level, v.Summary = LevelInfo, "Sent by list"
		}
	case s.list && s.vouched():
		v.Level, v.Summary = LevelInfo, "Sent by list"
	case s.result("spf") == "fail" && owner(s.spfDomain()) == owner(s.from):
		v.Level, v.Summary = LevelBad, "Sender check failed"
	default:
		v.Level, v.Summary = LevelWarn, "Not verified"
	}
	return v
}

// vouched tells whether somebody is known to have sent the message, whoever is in From.
func (s *subject) vouched() bool { return len(s.signers()) > 0 || s.result("spf") == "pass" }
