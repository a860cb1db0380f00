package redirect

import (
	"fmt"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// Rule is a configured handler, for [FindLoops].
type Rule struct {
	Name string         // For the user.
	Host string         // That it is for. Empty: any.
	Path *regexp.Regexp // That it is for. Nil: any.

	// Redirect is nil for handlers that answer otherwise: they end a chain.
	Redirect *Handler

	// HTTPS is set when plain HTTP is first redirected to the same URL by HTTPS.
	HTTPS bool
}

// Loop is a chain of redirects without end.
type Loop struct {
	Rules []string // The names of the rules that lead to each other.
	URL   string   // With which it begins, as an example.
}

// String describes the loop for a user.
func (l Loop) String() string {
	return fmt.Sprintf("redirects without end from %s: %s", l.URL, strings.Join(l.Rules, " -> "))
}

// maxHops is after how many redirects a chain is taken for one without end. Browsers give
// up after 20.
const maxHops = 20

// FindLoops follows redirects through rules, of which the first one that fits a URL
// counts, and returns chains that do not end. It begins with URLs that the rules are
// for: with the shortest paths that their expressions match, and the root. So a loop for only some
// of the paths that an expression matches can stay unseen; it costs a client at most its
// patience, as with any other server. Each set of rules is told of once.
func FindLoops(rules []Rule) []Loop {
	var loops []Loop
	seen := map[string]bool{}
	paths := samplePaths(rules)
	for _, rule := range rules {
		if rule.Redirect == nil {
			continue
		}
		for _, host := range sampleHosts(rule, rules) {
			for _, p := range paths {
				for _, scheme := range []string{"https", "http"} {
					loop, ok := follow(rules, &url.URL{Scheme: scheme, Host: host, Path: p})
					if !ok {
						continue
					}
					key := slices.Clone(loop.Rules)
					slices.Sort(key)
					if id := strings.Join(key, "\x00"); !seen[id] {
						seen[id] = true
						loops = append(loops, loop)
					}
				}
			}
		}
	}
	return loops
}

// follow follows redirects from a URL. ok tells whether they have no end.
func follow(rules []Rule, start *url.URL) (loop Loop, ok bool) {
	at := start
	var urls []string
	var names []string
	for {
		rule, found := match(rules, at)
		if !found || rule.Redirect == nil {
			return Loop{}, false
		}
		s := at.String()
		if i := slices.Index(urls, s); i >= 0 {
			return Loop{Rules: slices.Compact(names[i:]), URL: urls[i]}, true
		}
		if len(urls) == maxHops { // Paths that grow, as by "/" to "/x/".
			return Loop{Rules: slices.Compact(slices.Sorted(slices.Values(names))), URL: start.String()}, true
		}
		urls, names = append(urls, s), append(names, rule.Name)
		if rule.HTTPS && at.Scheme == "http" {
			next := *at
			next.Scheme = "https"
			at = &next
			continue
		}
		location, err := rule.Redirect.Location(at.Scheme, at.Host, at)
		switch {
		case err == ErrLoop:
			return Loop{Rules: []string{rule.Name}, URL: s}, true
		case err != nil:
			return Loop{}, false
		}
		next, err := at.Parse(location)
		if err != nil {
			return Loop{}, false
		}
		next.Fragment, next.RawFragment = "", ""
		at = next
	}
}

// match returns the rule for a URL.
func match(rules []Rule, u *url.URL) (Rule, bool) {
	for _, r := range rules {
		if r.Host != "" && !sameHost("", hostname(r.Host), u.Hostname()) {
			continue
		}
		if r.Path == nil || r.Path.MatchString("/"+strings.TrimPrefix(u.Path, "/")) {
			return r, true
		}
	}
	return Rule{}, false
}

func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

// sampleHosts returns hosts that a rule is for.
func sampleHosts(rule Rule, rules []Rule) []string {
	if rule.Host != "" {
		return []string{rule.Host}
	}
	hosts := []string{"host.example"}
	for _, r := range rules {
		if r.Host != "" {
			hosts = append(hosts, r.Host)
		}
		if r.Redirect != nil && r.Redirect.base != nil {
			hosts = append(hosts, r.Redirect.base.Host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// samplePaths returns paths that rules match.
func samplePaths(rules []Rule) []string {
	paths := []string{"/", "/x"}
	add := func(re *regexp.Regexp) {
		if re == nil {
			return
		}
		parsed, err := syntax.Parse(re.String(), syntax.Perl)
		if err != nil {
			return
		}
		for _, filled := range []bool{false, true} {
			if p := "/" + strings.TrimPrefix(example(parsed.Simplify(), filled, 0), "/"); re.MatchString(p) {
				paths = append(paths, p)
			}
		}
	}
	for _, r := range rules {
		add(r.Path)
		if r.Redirect != nil {
			add(r.Redirect.opts.OrigPathRegexp)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// maxDepth bounds the recursion of example.
const maxDepth = 100

// example returns a short string that an expression matches, as long as no anchor or
// boundary within forbids it. filled takes what may be absent once.
func example(re *syntax.Regexp, filled bool, depth int) string {
	if depth > maxDepth {
		return ""
	}
	depth++
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for c := max(re.Rune[i], '!'); c <= min(re.Rune[i+1], '~'); c++ {
				if c != '/' && c != '?' && c != '#' {
					return string(c)
				}
			}
		}
		if len(re.Rune) > 0 {
			return string(re.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpCapture, syntax.OpPlus:
		return example(re.Sub[0], filled, depth)
	case syntax.OpStar, syntax.OpQuest:
		if filled {
			return example(re.Sub[0], filled, depth)
		}
	case syntax.OpAlternate:
		return example(re.Sub[0], filled, depth)
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(example(sub, filled, depth))
		}
		return b.String()
	}
	return ""
}
