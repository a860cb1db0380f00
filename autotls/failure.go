package autotls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/acme"

	"mox/dns"
)

// FailureKind is whose fault it is that there is no certificate. It decides how long
// requests are put off, and for whom.
type FailureKind string

// The kinds of failures.
const (
	FailureHost      FailureKind = "host"       // The CA could not validate the host: its name or ports lead elsewhere.
	FailureRefused   FailureKind = "refused"    // The CA does not issue for this host or key.
	FailureRateLimit FailureKind = "rate-limit" // The CA has issued too much, or was asked too often.
	FailureAccount   FailureKind = "account"    // The CA refuses the account.
	FailureCA        FailureKind = "ca"         // The CA cannot be reached, or has an error.
	FailureLocal     FailureKind = "local"      // Of this machine: a file cannot be written, or the program ended.
)

// Failure is why an attempt to get a certificate failed.
type Failure struct {
	Kind FailureKind
	CA   string // Name of the CA; empty if none was asked.
	Text string // What is wrong, and the cure.

	retryAfter time.Duration // As the CA asks; 0 if it does not.
	err        error
}

var _ error = (*Failure)(nil)

// Error returns the text.
func (f *Failure) Error() string { return f.Text }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.err }

// problemPrefix begins the types of errors of ACME (RFC 8555 §6.7).
const problemPrefix = "urn:ietf:params:acme:error:"

// maxRetryAfter bounds what a CA can ask for. Rate limits are counted over a week at most.
const maxRetryAfter = 7 * day

// localError is an error of this machine.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// errNotOffered says that the CA offers none of the challenges that we can answer.
var errNotOffered = errors.New("the CA does not offer this challenge")

// validationError is what became of each challenge that was tried, none of which succeeded.
type validationError struct {
	challenges []Challenge
	errs       []error
}

func (e *validationError) Error() string {
	var texts []string
	for i, err := range e.errs {
		texts = append(texts, fmt.Sprintf("%s: %s", e.challenges[i], challengeText(err)))
	}
	return strings.Join(texts, "; ")
}

func (e *validationError) Unwrap() []error { return e.errs }

// challengeText returns what the CA says of a challenge that failed.
func challengeText(err error) string {
	var authz *acme.AuthorizationError
	if !errors.As(err, &authz) {
		return err.Error()
	}
	var texts []string
	for _, err := range authz.Errors {
		texts = append(texts, problemText(err))
	}
	return strings.Join(texts, ", ")
}

// problemText returns an error of a CA on one line.
func problemText(err error) string {
	var p *acme.Error
	if !errors.As(err, &p) {
		return err.Error()
	}
	details := []string{p.Detail}
	for _, sub := range p.Subproblems {
		details = append(details, sub.Detail)
	}
	detail := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' ' // It may be shown in a terminal.
		}
		return r
	}, strings.Join(details, " "))
	detail = strings.Join(strings.Fields(detail), " ")
	const most = 500
	if len(detail) > most {
		detail = strings.ToValidUTF8(detail[:most], "") + "..."
	}
	if name := problemName(p); name != "" {
		return fmt.Sprintf("%s (%s)", detail, name)
	}
	return detail
}

// problemName returns the type of an error of a CA without its prefix, e.g. "rateLimited".
func problemName(p *acme.Error) string {
	name, ok := strings.CutPrefix(p.ProblemType, problemPrefix)
	if !ok {
		return ""
	}
	return name
}

// problem returns the error of a CA in err, if any.
func problem(err error) (*acme.Error, bool) {
	var order *acme.OrderError
	if errors.As(err, &order) && order.Problem != nil {
		return order.Problem, true
	}
	var authz *acme.AuthorizationError
	if errors.As(err, &authz) {
		for _, err := range authz.Errors {
			if p, ok := problem(err); ok {
				return p, true
			}
		}
	}
	var p *acme.Error
	if errors.As(err, &p) {
		return p, true
	}
	return nil, false
}

// hasProblem tells whether err is an error of a CA with this type.
func hasProblem(err error, name string) bool {
	p, ok := problem(err)
	return ok && problemName(p) == name
}

// newFailure tells what an error of a request to a CA for a host means.
func newFailure(err error, ca CA, caa []string, host dns.Domain, now time.Time) *Failure {
	f := &Failure{Kind: FailureCA, CA: ca.Name, err: err}
	name := host.Name()
	var local *localError
	var validation *validationError
	p, isProblem := problem(err)
	if isProblem {
		f.retryAfter = min(retryAfter(p.Header, now), maxRetryAfter)
	}
	switch {
	case errors.As(err, &local):
		f.Kind = FailureLocal
		f.Text = err.Error()
	case isProblem && p.StatusCode != http.StatusTooManyRequests && problemName(p) == "caa":
		f.Kind = FailureRefused
		f.Text = fmt.Sprintf("the CAA records of %s, or of a domain above it, do not allow CA %s to issue: %s; %s", name, ca.Name, problemText(err), caaCure(caa))
	case errors.As(err, &validation):
		f.Kind = FailureHost
		f.Text = fmt.Sprintf("CA %s cannot validate %s: %v; %s", ca.Name, name, err, hostCure(validation, host))
	case errors.Is(err, context.DeadlineExceeded):
		f.Text = fmt.Sprintf("CA %s takes too long; the next attempt may find it better", ca.Name)
	case !isProblem:
		f.Text = fmt.Sprintf("CA %s cannot be used: %v; check that this machine can reach %s", ca.Name, err, ca.DirectoryURL)
	default:
		f.ofProblem(p, ca, name)
	}
	return f
}

// ofProblem sets kind and text for an error that the CA answered with.
func (f *Failure) ofProblem(p *acme.Error, ca CA, host string) {
	text := problemText(p)
	switch kind := problemName(p); kind {
	case "rateLimited":
		f.Kind = FailureRateLimit
		f.Text = fmt.Sprintf("CA %s has a rate limit: %s; certificates are requested again when it allows", ca.Name, text)
	case "rejectedIdentifier", "unsupportedIdentifier":
		f.Kind = FailureRefused
		f.Text = fmt.Sprintf("CA %s does not issue certificates for %s: %s; use another CA for it, or do not serve it", ca.Name, host, text)
	case "badCSR", "badPublicKey", "badSignatureAlgorithm":
		f.Kind = FailureRefused
		f.Text = fmt.Sprintf("CA %s does not take the private key of %s, or the request made with it: %s; use another key, or another CA", ca.Name, host, text)
	case "externalAccountRequired":
		f.Kind = FailureAccount
		f.Text = fmt.Sprintf("CA %s wants an account that was made elsewhere: %s; set ExternalAccountBinding to the key id and key that the CA gives out", ca.Name, text)
	case "userActionRequired":
		f.Kind = FailureAccount
		f.Text = fmt.Sprintf("CA %s wants its operator's consent: %s; see %s", ca.Name, text, p.Instance)
	case "invalidContact", "unsupportedContact":
		f.Kind = FailureAccount
		f.Text = fmt.Sprintf("CA %s does not accept the contact address: %s; correct ContactEmail", ca.Name, text)
	case "unauthorized", "accountDoesNotExist":
		f.Kind = FailureAccount
		f.Text = fmt.Sprintf("CA %s refuses the account: %s; if it has external account binding, check its key id and key", ca.Name, text)
	case "orderNotReady", "badNonce", "serverInternal":
		f.Text = fmt.Sprintf("CA %s has an error: %s; it is asked again later", ca.Name, text)
	default:
		switch {
		case p.StatusCode == http.StatusTooManyRequests:
			f.Kind = FailureRateLimit
			f.Text = fmt.Sprintf("CA %s is asked too often: %s; certificates are requested again when it allows", ca.Name, text)
		case p.StatusCode >= 500:
			f.Text = fmt.Sprintf("CA %s has an error: status %d, %s; it is asked again later", ca.Name, p.StatusCode, text)
		case p.StatusCode == http.StatusNotFound || kind == "":
			f.Text = fmt.Sprintf("CA %s answers with status %d, %s; check that %s is its ACME directory", ca.Name, p.StatusCode, text, ca.DirectoryURL)
		default:
			f.Kind = FailureRefused
			f.Text = fmt.Sprintf("CA %s refuses to issue for %s: %s", ca.Name, host, text)
		}
	}
}

// hostCure tells what to do about a host that a CA could not validate. Of several challenges the one that got least far
// tells most.
func hostCure(err *validationError, host dns.Domain) string {
	name := host.Name()
	kinds := map[string]bool{}
	for _, err := range err.errs {
		var authz *acme.AuthorizationError
		if !errors.As(err, &authz) {
			continue
		}
		for _, err := range authz.Errors {
			if p, ok := problem(err); ok {
				kinds[problemName(p)] = true
			}
		}
	}
	switch {
	case kinds["dns"]:
		return fmt.Sprintf("add A and AAAA records for %s with the addresses of this machine, or check its DNS servers", name)
	case kinds["connection"]:
		return fmt.Sprintf("check that the A and AAAA records of %s are addresses of this machine, and that firewalls let connections to ports 443 and 80 in", name)
	}
	return fmt.Sprintf("another server seems to answer for %s: check that its A and AAAA records, the latter too, are addresses of this machine, and that nothing in front of this server answers on ports 443 and 80", name)
}

// caaCure tells which CAA record to add (RFC 8659 §4.2).
func caaCure(caa []string) string {
	if len(caa) == 0 {
		return "add a CAA record that names this CA, or use one of those that are named"
	}
	return fmt.Sprintf("add a CAA record: 0 issue %q", caa[0])
}

// retryAfter returns what a Retry-After field asks for (RFC 9110 §10.2.3), 0 without.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(v, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
