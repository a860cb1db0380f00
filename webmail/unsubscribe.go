package webmail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"mox/dkim"
	"mox/message"
)

// maxListURL is how long an address in a List field may be, in bytes.
const maxListURL = 8 << 10

// unsubscribeTimeout bounds a request by which a list is left.
const unsubscribeTimeout = 30 * time.Second

// listURLs returns the addresses of a List field (RFC 2369 §2), in the order of the sender's preference, at most ten. Comments
// and what is no URL are left out.
func listURLs(value []byte) []*url.URL {
	text := string(message.Unfold(value))
	var l []*url.URL
	for len(l) < 10 {
		_, after, ok := strings.Cut(skipComments(text), "<")
		if !ok {
			break
		}
		inside, rest, ok := strings.Cut(after, ">")
		if !ok {
			break
		}
		text = rest
		// Folding may have put white space into long ones.
		inside = strings.Join(strings.Fields(inside), "")
		if u, err := url.Parse(inside); err == nil && len(inside) <= maxListURL {
			l = append(l, u)
		}
	}
	return l
}

// skipComments returns text without the comments it begins with.
func skipComments(text string) string {
	for {
		text = strings.TrimLeft(text, " \t,")
		if !strings.HasPrefix(text, "(") {
			return text
		}
		depth := 0
		end := strings.IndexFunc(text, func(r rune) bool {
			switch r {
			case '(':
				depth++
			case ')':
				depth--
			}
			return depth == 0
		})
		if end < 0 {
			return ""
		}
		text = text[end+1:]
	}
}

// headerFields returns the fields of a name.
func headerFields(header []byte, name string) []message.Field {
	var l []message.Field
	for f := range message.Fields(header) {
		if f.Is(name) {
			l = append(l, f)
		}
	}
	return l
}

// unsubscribeOf returns how the list of a message is left, nil if the message does not say so. The URL is that for a request
// of the server, nil if there is none.
func unsubscribeOf(l *letter, ev *evidence) (*Unsubscribe, *url.URL) {
	fields := headerFields(l.header, "List-Unsubscribe")
	if len(fields) != 1 {
		return nil, nil // Of several nobody knows which one is the list's.
	}
	var u Unsubscribe
	var https *url.URL
	for _, to := range listURLs(fields[0].Value) {
		switch {
		case strings.EqualFold(to.Scheme, "mailto") && u.Mail == "":
			u.Mail = to.String()
		case (strings.EqualFold(to.Scheme, "https") || strings.EqualFold(to.Scheme, "http")) && to.Hostname() != "" && to.User == nil:
			if strings.EqualFold(to.Scheme, "https") && https == nil {
				https = to
			}
			if u.Web == "" {
				u.Web = to.String()
			}
		}
	}
	if u.Mail == "" && u.Web == "" {
		return nil, nil
	}
	if https == nil || l.path != "" || !oneClick(l.header, ev) {
		return &u, nil
	}
	u.OneClick = true
	return &u, https
}

// oneClick tells whether a message offers that its list is left by one request (RFC 8058 §3.1), and that it does so is
// signed by somebody whose signature was found to pass when the message came (§4).
func oneClick(header []byte, ev *evidence) bool {
	post := headerFields(header, "List-Unsubscribe-Post")
	if len(post) != 1 || strings.TrimSpace(string(message.Unfold(post[0].Value))) != "List-Unsubscribe=One-Click" {
		return false
	}
	passed := ev.methods("dkim")
	for _, f := range headerFields(header, dkim.SignatureField) {
		sig, err := dkim.ParseSignature(f.Raw)
		if err != nil || sig.Signs("List-Unsubscribe") == 0 || sig.Signs("List-Unsubscribe-Post") == 0 {
			continue
		}
		// Several signatures may be of one domain and selector: the value of b= tells them apart (RFC 6008 §4).
		for _, r := range passed {
			d, _ := r.Prop("header", "d")
			s, _ := r.Prop("header", "s")
			b, _ := r.Prop("header", "b")
			if r.Result == "pass" && asciiDomain(d) == sig.Domain.ASCII && asciiDomain(s) == sig.Selector.ASCII && hasSignature(f, b) {
				return true
			}
		}
	}
	return false
}

// hasSignature tells whether the value of b= of a signature begins with some characters.
func hasSignature(f message.Field, begin string) bool {
	if begin == "" {
		return false
	}
	tags, err := dkim.ParseTagList(f.Value)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(tags, func(t dkim.Tag) bool {
		return t.Name == "b" && strings.HasPrefix(strings.Join(strings.Fields(t.Value), ""), begin)
	})
}

// errUnsubscribe says that the server of a list did not take a request.
var errUnsubscribe = errors.New("the server of the list")

// leaveList asks the server of a list to be left (RFC 8058 §3.2). Nothing goes with the request that tells whose it is but the
// address itself, and redirects are not followed: senders must not answer with them.
func leaveList(ctx context.Context, client *http.Client, to *url.URL) error {
	ctx, cancel := context.WithTimeout(ctx, unsubscribeTimeout)
	defer cancel()
	c := *client
	c.Jar = nil
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	u := *to
	u.Fragment, u.RawFragment = "", ""
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "mox")
	resp, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsubscribe, withoutURL(err))
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)); err != nil {
		return fmt.Errorf("%w: %w", errUnsubscribe, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%w answers with status %d", errUnsubscribe, resp.StatusCode)
	}
	return nil
}

// listPost returns the address that answers to a list go to (RFC 2369 §3.4), "" if there is none.
func listPost(header []byte) string {
	f, ok := message.FirstField(header, "List-Post")
	if !ok {
		return ""
	}
	for _, u := range listURLs(f.Value) {
		if !strings.EqualFold(u.Scheme, "mailto") {
			continue
		}
		address, err := url.PathUnescape(u.Opaque)
		if err != nil {
			continue
		}
		if l, ok := message.ParseAddresses([]byte(address)); ok && len(l) == 1 && l[0].Addr() != "" {
			return l[0].Addr()
		}
	}
	return ""
}

// listID returns the id of a list (RFC 2919 §2), without the brackets, "" if there is none.
func listID(header []byte) string {
	f, ok := message.FirstField(header, "List-Id")
	if !ok {
		return ""
	}
	text := f.Text()
	if i := strings.LastIndexByte(text, '<'); i >= 0 {
		text = text[i+1:]
		if j := strings.IndexByte(text, '>'); j >= 0 {
			text = text[:j]
		}
	}
	return cutText(strings.TrimSpace(text), 255)
}
