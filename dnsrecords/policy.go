package dnsrecords

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mox/dns"
	"mox/mtasts"
)

// CheckPolicy fetches the MTA-STS policy of a domain that has one (Domain.MTASTS is set) as others do, and compares it with
// the one that the machine serves. The type of the finding is "policy". What cannot be reached from here, or is not there
// when the context ends, is Unknown.
func CheckPolicy(ctx context.Context, opts mtasts.FetchOptions, d Domain, h Host) Finding {
	host := below("mta-sts", d.Name)
	f := Finding{Need: MTASTS, Name: host, Type: "policy", Expected: policyLines(d.Policy.String())}
	got, text, err := mtasts.FetchPolicy(ctx, opts, d.Name)
	f.Found = policyLines(text)
	if err != nil {
		f.policyFailed(strings.TrimSuffix(host, "."), err)
		return f
	}
	switch {
	case got.String() != d.Policy.String():
		f.say(Problem, "the policy that is served is not the one that is configured", "have mox read its configuration with \"mox config reload\", if it was changed by hand; if another web server answers, have it pass requests for this name on to mox; and give the policy a new PolicyID when it changes")
	case !got.Matches(h.Name) && got.Mode == mtasts.ModeEnforce:
		f.say(Problem, "the policy does not have this machine, "+h.Name.Name()+", so that others do not deliver to it", "add the name to MX of the policy, and give the policy a new PolicyID")
	case !got.Matches(h.Name) && got.Mode == mtasts.ModeTesting:
		f.say(Advice, "the policy does not have this machine, "+h.Name.Name(), "add the name to MX of the policy before its mode is enforce, and give the policy a new PolicyID")
	default:
		f.say(OK, "the policy is served as it is configured", "")
	}
	return f
}

// policyLines returns the lines of a policy, not more than can be looked at.
func policyLines(text string) []string {
	const most = 20
	var l []string
	for line := range strings.Lines(text) {
		if len(l) == most {
			return append(l, "...")
		}
		if line = strings.TrimSpace(line); len(line) > 200 {
			line = line[:200] + "..."
		}
		l = append(l, line)
	}
	return l
}

// policyFailed says why the policy of a host could not be fetched.
func (f *Finding) policyFailed(host string, err error) {
	elsewhere := "if that is another web server, have it pass requests for this name on to mox; if it is mox, set MTASTSHTTPS for a listener, and restart it"
	_, status := errors.AsType[mtasts.StatusError](err)
	switch {
	case errors.Is(err, mtasts.ErrCertificate):
		f.say(Problem, err.Error(), fmt.Sprintf("see what \"mox config certificates\" says of %s; if another web server answers, give it a certificate for this name", host))
	case status, errors.Is(err, mtasts.ErrPolicy):
		f.say(Problem, err.Error(), elsewhere)
	case dns.IsNotFound(err):
		f.say(Problem, err.Error(), "add the address records of this name")
	default:
		f.say(Unknown, err.Error(), fmt.Sprintf("see that mox runs, and that connections to port 443 of %[1]s reach it through routers and firewalls; some routers do not lead connections from inside back in: then look from elsewhere, e.g. with \"curl https://%[1]s%[2]s\"", host, mtasts.Path))
	}
}
