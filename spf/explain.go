package spf

import "context"

// maxExplanation is the length in bytes of a longer explanation than which none is
// returned. It is some lines of an SMTP reply.
const maxExplanation = 2000

// explain returns the explanation that the record of a domain names with its exp
// modifier, or nothing if there is none that can be shown (RFC 7208 §6.2).
func (e *evaluation) explain(ctx context.Context, domain, spec string) string {
	// Terms are done with, so the limits of the evaluation are not for these lookups.
	x := *e
	x.lookups, x.voids = 0, 0
	target, err := x.target(ctx, spec, domain)
	if err != nil || !isName(target) {
		return ""
	}
	texts, _, err := x.resolver.LookupTXT(ctx, target+".")
	if err != nil || len(texts) != 1 || len(texts[0]) > maxRecord || checkExplanation(texts[0]) != nil {
		return ""
	}
	return x.expandExplanation(ctx, texts[0], domain)
}

// expandExplanation expands an explain-string. What does not fit into an SMTP reply is
// no explanation.
func (e *evaluation) expandExplanation(ctx context.Context, text, domain string) string {
	var b []byte
	for {
		before, m, after, found, err := cutMacro(text, explainMacros)
		if err != nil {
			return ""
		}
		b = append(b, before...)
		switch {
		case m.letter != 0:
			value, err := e.value(ctx, m.letter, domain)
			if err != nil {
				return ""
			}
			b = m.transform(b, value)
		case found:
			b = append(b, m.literal...)
		}
		if len(b) > maxExplanation {
			return ""
		}
		if !found {
			break
		}
		text = after
	}
	for _, c := range b {
		if !isPrintable(c) {
			return ""
		}
	}
	return string(b)
}
