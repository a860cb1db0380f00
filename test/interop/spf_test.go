package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mox/dns"
	"mox/smtp"
	"mox/spf"
)

// spfDifference is where mox and pyspf do not agree, and mox does as RFC 7208 says.
type spfDifference struct {
	section string
	name    string // What pyspf does.
	applies func(c spfCase) bool
}

// spfCase is one evaluation, by both.
type spfCase struct {
	policy string // And all that it may lead to.
	ip     netip.Addr
	sender string
	mox    spf.Result
	result string // Of pyspf.
	text   string // Explanation of pyspf.
}

// strict tells whether pyspf refuses a policy that matches a pattern, and mox does not.
func strict(pattern string) func(spfCase) bool {
	re := regexp.MustCompile(pattern)
	return func(c spfCase) bool {
		return re.MatchString(c.policy) && c.result == "permerror" && c.mox.Err == nil
	}
}

// spfDifferences are looked at in order. Each must explain a case.
var spfDifferences = []spfDifference{
	{"§7.3", "takes %{d0}, where the number must not be zero", func(c spfCase) bool {
		return strings.Contains(c.policy, "%{d0}") && c.mox.Status == spf.Permerror && c.result != "permerror"
	}},
	{"§6", "refuses unknown modifiers that are there twice", strict("moo=1 moo=2")},
	{"§4.6.1", "refuses macros of explanations in unknown modifiers, which are macro-strings", strict("moo=%{c}")},
	{"§7.1", "refuses %% at the end of a macro-string", strict("moo=a%%")},
	{"§7.1", "refuses %% at the end of an explanation", func(c spfCase) bool {
		return string(c.mox.Status) == c.result && strings.HasSuffix(c.mox.Explanation, "%") && c.text == "SPF fail - not authorized"
	}},
	{"§7.3", "removes only one label of a name that is too long", func(c spfCase) bool { return c.result == "exception" }},
	{"§4.6.4", "counts a redirect that is not evaluated", func(c spfCase) bool {
		return strict("redirect=")(c) && strings.Contains(c.text, "Too many DNS lookups")
	}},
	{"§4.6.4", "counts void lookups, and not terms, and those for the names of the client", func(c spfCase) bool {
		return strict(`(?i)ptr|%{p|mx`)(c) && strings.Contains(c.text, "Void lookup limit")
	}},
}

// spfPolicies are policies that are hardly made by chance.
var spfPolicies = []string{
	"v=spf1" + strings.Repeat(" a:many.test", 9) + " a:h1.test/0 redirect=p0.test",
	"v=spf1" + strings.Repeat(" ip4:203.0.113.77 ip6:2001:db8:ffff::/48", 100) + " ip4:192.0.2.0/24 ~all",
	"v=spf1" + strings.Repeat(" a:h1.test", 9) + " -all exp=x5.test",
	"v=spf1 include:p600.test -all",
	"v=spf1 redirect=p604.test",
	"v=spf1 include:p605.test ?all",
}

// policies makes SPF policies.
type policies struct {
	*rand.Rand
	zone strings.Builder
	n    int // Policies that there are.
}

const spfHosts = 8

// pick returns one of some strings.
func (p *policies) pick(l ...string) string { return l[p.IntN(len(l))] }

// hosts writes what policies refer to: hosts with the addresses of clients, mail exchangers
// and names of clients.
func (p *policies) hosts() {
	w := &p.zone
	for i := 1; i <= spfHosts; i++ {
		if i%4 != 3 {
			fmt.Fprintf(w, "h%d.test. A 192.0.2.%d\n", i, i)
		}
		if i%4 != 2 {
			fmt.Fprintf(w, "h%d.test. AAAA 2001:db8::%d\n", i, i)
		}
		fmt.Fprintf(w, "m%d.test. MX 10 h%d.test.\nm%d.test. MX 20 h%d.test.\n", i, i, i, i%spfHosts+1)
		fmt.Fprintf(w, "c%d.test. CNAME h%d.test.\n", i, i)
		fmt.Fprintf(w, "%d.2.0.192.in-addr.arpa. PTR H%d.Test.\n", i, i%6+1+i%2)
		fmt.Fprintf(w, "%d%s.8.b.d.0.1.0.0.2.ip6.arpa. PTR h%d.test.\n", i, strings.Repeat(".0", 23), i)
	}
	for i := range 11 {
		fmt.Fprintf(w, "many.test. MX %d h1.test.\n", i)
		fmt.Fprintf(w, "many.test. A 203.0.113.%d\n", i)
	}
	w.WriteString("null.test. MX 0 .\n" +
		"*.e.test. A 127.0.0.2\n" +
		"1.2.0.192.x.test. A 127.0.0.2\n" +
		"strong.x.test. A 127.0.0.2\n" +
		"user.test.x.test. A 127.0.0.2\n" +
		"none.test. TXT \"no policy\"\n" +
		"two.test. TXT \"v=spf1 -all\"\ntwo.test. TXT \"v=spf1 +all\"\n" +
		"x1.test. TXT \"%{i} may not send for %{d}\"\n" +
		"x2.test. TXT \"See http://%{o}/why?s=%{S}&i=%{c}&h=%{h}&r=%{r}&d=%{d1r}%%\"\n" +
		"x3.test. TXT \"broken %{x}\"\n" +
		"x4.test. TXT one\nx4.test. TXT two\n" +
		"x5.test. TXT \"one \" \"and %{l1r-}%_\" \"two\"\n")
}

// domain returns a domain-spec.
func (p *policies) domain(kind string) string {
	if p.IntN(20) == 0 {
		return p.pick("nx.test", "a..test", "test", "h1.test.", "h1.123", "h1.-test", "%(d).test", "%{x}.test", "%{d0}.test", "h1.te%st", "%{d", "h1.xn--test", "%{c}.test", "b.broken.test")
	}
	return fmt.Sprintf("%s%d.test", kind, p.IntN(spfHosts)+1)
}

// cidr returns what can follow a or mx.
func (p *policies) cidr() string {
	if p.IntN(10) == 0 {
		return p.pick("/33", "//129", "/024", "/", "//", "/-1", "/24/64", "/24//", "/0", "//0", "/0//0")
	}
	return p.pick("", "", "", "", "/32", "/29", "//125", "/30//127")
}

// mechanism returns a mechanism of any kind.
func (p *policies) mechanism() string {
	switch p.IntN(24) {
	case 0, 1, 2:
		return "ip4:" + p.pick("192.0.2.1", "192.0.2.2", "192.0.2.0/30", "192.0.2.4/31", "203.0.113.0/24", "0.0.0.0/0")
	case 3, 4:
		return "ip6:" + p.pick("2001:db8::1", "2001:db8::/126", "2001:DB8:0:0::4/127", "2001:db8::192.0.2.1", "::ffff:192.0.2.1", "::/0")
	case 5, 6, 7:
		return "a:" + p.domain("h") + p.cidr()
	case 8:
		return "a:" + p.domain("c") + p.cidr()
	case 9, 10, 11:
		return "mx:" + p.domain("m") + p.cidr()
	case 12:
		return p.pick("a", "mx", "A", "Mx", "a/24", "mx//64")
	case 13:
		return p.pick("mx:many.test", "mx:null.test", "a:many.test/24", "mx:h1.test")
	case 14, 15, 16:
		return "include:" + p.include()
	case 17, 18:
		return "exists:" + p.pick("%{ir}.x.test", "%{l1r-}.x.test", "%{o}.x.test", "%{i}.e.test", "%{l-}.e.test", "%{d2}.e.test",
			"%{v}.%{h}.e.test", "%{ir}.%{v}.e.test", "%{h2}.e.test", "%{dr}.x.test", "%{L}.x.test", "%{d127}.e.test", "%{dR}.e.test",
			"%{p}.e.test", "%{p2r}.x.test", strings.Repeat("%{d}.", 40)+"e.test", strings.Repeat("long", 15)+".%{d}."+strings.Repeat("long.", 40)+"e.test")
	case 19:
		return p.pick("ptr", "ptr:test", "ptr:h1.test", "ptr:h2.test")
	case 20:
		return p.pick("ip4:192.0.2", "ip4:192.0.2.256", "ip4:192.0.2.01", "ip4:192.0.2.1/33", "ip4:192.0.2.1//32", "ip4:2001:db8::1", "ip4", "ip4:", "ip6",
			"ip6:2001:db8::1/129", "ip6:2001:db8:::1", "ip6:192.0.2.1", "ip6:2001:db8::1%eth0", "include", "include:", "exists", "exists:", "a:", "mx:",
			"ptr/24", "ptr:", "all:x", "all/8", "foo", "foo:bar", "=a", "+-all", "include:h1.test/24", "exists:h1.test/24", "redirect:p1.test", "a:192.0.2.1")
	default:
		return p.pick("ip4:192.0.2.", "ip6:2001:db8::") + fmt.Sprint(p.IntN(8)+1)
	}
}

// include returns a domain with a policy, or one that has none.
func (p *policies) include() string {
	if p.n == 0 || p.IntN(12) == 0 {
		return p.pick("none.test", "nx.test", "two.test", "a..test", "x.broken.test")
	}
	return fmt.Sprintf("p%d.test", p.IntN(p.n))
}

// record returns a policy.
func (p *policies) record() string {
	terms := []string{p.pick("v=spf1", "v=spf1", "v=spf1", "v=spf1", "V=sPf1")}
	if p.IntN(8) == 0 {
		// About as many lookups as there may be (RFC 7208 §4.6.4).
		for range 8 + p.IntN(4) {
			terms = append(terms, p.pick("a:h1.test", "mx:m2.test", "exists:h5.test", "?ip4:203.0.113.9"))
		}
	}
	for range p.IntN(4) * p.IntN(2) {
		terms = append(terms, p.pick("a:nx1.test", "mx:nx2.test", "exists:nx3.test", "-a:nx4.test/0"))
	}
	for range p.IntN(5) {
		terms = append(terms, p.pick("", "", "", "+", "-", "~", "?")+p.mechanism())
	}
	switch p.IntN(8) {
	case 0:
		terms = append(terms, "redirect="+p.include())
	case 1:
	default:
		terms = append(terms, p.pick("-all", "-all", "-all", "~all", "?all", "+all", "-ALL"))
	}
	switch p.IntN(10) {
	case 0, 1, 2:
		terms = append(terms, "exp="+p.pick("x1.test", "x2.test", "x3.test", "x4.test", "x5.test", "nx.test", "x%{d}.test"))
	case 3:
		terms = append(terms, p.pick("moo=%{d}cow", "moo=1 moo=2", "moo=%{c}%{r}%{t}", "moo=%{d0}", "moo=a%%", "exp=", "exp=-all", "redirect=", "x=%(", "default=pass", "1up=foo", "exp=x1.test exp=x1.test", "redirect=p0.test"))
	}
	return strings.Join(terms, p.pick(" ", " ", "  "))
}

// strings returns a text for a zone file, in one or several strings (RFC 7208 §3.3).
func (p *policies) strings(text string) string {
	var l []string
	for len(text) > 255 || len(text) > 1 && p.IntN(4) == 0 {
		n := 1 + p.IntN(min(len(text)-1, 255))
		l = append(l, strconv.Quote(text[:n]))
		text = text[n:]
	}
	return strings.Join(append(l, strconv.Quote(text)), " ")
}

// TestSPFPython evaluates generated policies, served by nsd, with mox and with pyspf.
func TestSPFPython(t *testing.T) {
	t.Parallel()
	p := &policies{Rand: rand.New(rand.NewPCG(7208, 8616))}
	p.hosts()
	var records []string
	for p.n = 0; p.n < 600+len(spfPolicies); p.n++ {
		var r string
		if p.n < 600 {
			r = p.record()
		} else {
			r = spfPolicies[p.n-600]
		}
		records = append(records, r)
		fmt.Fprintf(&p.zone, "p%d.test. TXT %s\np%[1]d.test. A 192.0.2.%[3]d\np%[1]d.test. MX 10 h%[4]d.test.\n", p.n, p.strings(r), p.n%9, p.n%spfHosts+1)
	}
	ip := startNSD(t, p.zone.String(), "broken.test")

	var cases []spfCase
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	resolver := nsdResolver(ip)
	for i, r := range records {
		for _, client := range []string{
			fmt.Sprintf("192.0.2.%d", p.IntN(spfHosts)+1),
			fmt.Sprintf("2001:db8::%d", p.IntN(spfHosts)+1),
			p.pick("::ffff:192.0.2.1", "192.0.2.1", "203.0.113.1", "2001:db8::99", "192.0.2.2"),
		} {
			c := spfCase{
				policy: expandIncludes(records, r, 0),
				ip:     netip.MustParseAddr(client),
				sender: p.pick("user", "strong-bad", "first.last", "Mixed") + fmt.Sprintf("@p%d.test", i),
			}
			args := spf.Args{
				RemoteIP: c.ip,
				Hello:    fmt.Sprintf("h%d.test", i%spfHosts+1),
				Hostname: dns.Domain{ASCII: "mx.mox.example"},
				Explain:  true,
			}
			if i%10 == 0 {
				c.sender, args.Hello = "", fmt.Sprintf("p%d.test", i) // RFC 7208 §2.4.
			} else {
				local, domain, _ := strings.Cut(c.sender, "@")
				args.MailFrom = smtp.Path{Localpart: smtp.Localpart(local), IPDomain: dns.IPDomain{Domain: dns.Domain{ASCII: domain}}}
			}
			c.mox = spf.CheckMailFrom(t.Context(), resolver, args)
			cases = append(cases, c)
			if err := enc.Encode(map[string]string{"ip": client, "sender": c.sender, "helo": args.Hello}); err != nil {
				t.Fatal(err)
			}
		}
	}
	pyspf(t, ip, &in, cases)

	explained := make([]int, len(spfDifferences))
	statuses := map[spf.Status]int{}
	for _, c := range cases {
		statuses[c.mox.Status]++
		problem := spfDisagreement(c)
		if problem == "" {
			continue
		}
		i := slices.IndexFunc(spfDifferences, func(d spfDifference) bool { return d.applies(c) })
		if i < 0 {
			t.Errorf("%s, %s, %q: %s (%s)", c.policy, c.ip, c.sender, problem, c.mox.Problem)
			continue
		}
		explained[i]++
	}
	for i, d := range spfDifferences {
		t.Logf("%d times pyspf %s (RFC 7208 %s)", explained[i], d.name, d.section)
		if explained[i] == 0 {
			t.Errorf("the difference that pyspf %s does not show", d.name)
		}
	}
	t.Logf("%d cases, results of mox: %v", len(cases), statuses)
	for status, least := range map[spf.Status]int{spf.Pass: 100, spf.Fail: 100, spf.Softfail: 50, spf.Neutral: 50, spf.Permerror: 100, spf.Temperror: 5} {
		if statuses[status] < least {
			t.Errorf("only %d cases with result %s", statuses[status], status)
		}
	}
}

// expandIncludes returns a policy with those that it refers to, for the table of differences.
func expandIncludes(records []string, r string, depth int) string {
	if depth > 3 {
		return r
	}
	s := r
	for _, m := range regexp.MustCompile(`(include:|redirect=)p(\d+)\.test`).FindAllStringSubmatch(r, -1) {
		var n int
		if _, err := fmt.Sscan(m[2], &n); err == nil && n < len(records) {
			s += " | " + expandIncludes(records, records[n], depth+1)
		}
	}
	return s
}

// spfDisagreement tells where the results differ.
func spfDisagreement(c spfCase) string {
	if string(c.mox.Status) != c.result {
		return fmt.Sprintf("mox: %s, pyspf: %s %s", c.mox.Status, c.result, c.text)
	}
	text := c.text
	if text == "SPF fail - not authorized" || c.mox.Status != spf.Fail {
		text = ""
	}
	if !strings.EqualFold(c.mox.Explanation, text) { // Digits of addresses may be in upper case.
		return fmt.Sprintf("mox explains %q, pyspf %q", c.mox.Explanation, text)
	}
	return ""
}

// pyspf has pyspf evaluate what mox has evaluated.
func pyspf(t *testing.T, ip string, in *bytes.Buffer, cases []spfCase) {
	t.Helper()
	// The Python of Debian, whatever python3 is.
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/spf_check.py", ip, nsdPort)
	cmd.Stdin = in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pyspf: %v\n%s", err, stderr.String())
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for i := range cases {
		var answer struct{ Result, Explanation string }
		if err := dec.Decode(&answer); err != nil {
			t.Fatalf("answer %d of pyspf: %v\n%s", i, err, stderr.String())
		}
		cases[i].result, cases[i].text = answer.Result, answer.Explanation
	}
}
