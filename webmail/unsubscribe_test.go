package webmail

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"mox/authres"
	"mox/store"
)

// listMail returns a message of a list that can be left at an address, whose signature covers fields.
func listMail(url, signed string) string {
	return "DKIM-Signature: v=1; a=rsa-sha256; d=lists.example; s=sel; h=from:subject:" + signed + "; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=Zm9v\n  YmFy\n" +
		"List-Id: The list <l.lists.example>\nList-Post: <mailto:l@lists.example>\n" +
		"List-Unsubscribe: (use this) <" + url + ">,\n <mailto:leave@lists.example?subject=x>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n" +
		simple("joe@example.com", "news", "x")
}

// authenticated gives a delivery the header that says that a signature passed.
func authenticated(domain, selector, result, signature string) func(*store.Delivery) {
	return func(d *store.Delivery) {
		d.Prefix = authres.Results{AuthservID: "mail.example.org", Methods: []authres.Result{{Method: "dkim", Result: result, Props: []authres.Prop{
			{Type: "header", Property: "d", Value: domain}, {Type: "header", Property: "s", Value: selector}, {Type: "header", Property: "b", Value: signature},
		}}}}.AppendField(nil)
	}
}

const listFields = "list-unsubscribe:list-unsubscribe-post"

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	var requests []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests = append(requests, r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type")+" "+string(body)+" "+r.Header.Get("Cookie")+r.Header.Get("Referer"))
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/ok", http.StatusTemporaryRedirect)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		}
	}))
	t.Cleanup(server.Close)
	e := newEnv(t, func(o *Options) { o.Client = server.Client() })
	for _, test := range []struct {
		name, text string
		change     func(*store.Delivery)
		oneClick   bool
		code       string // Of the call; empty if the list was left.
	}{
		{"signed", listMail(server.URL+"/ok?u=1#x", listFields), authenticated("lists.example", "sel", "pass", "Zm9vYmFy"), true, ""},
		{"only one field signed", listMail(server.URL+"/ok", "list-unsubscribe"), authenticated("lists.example", "sel", "pass", "Zm9vYmFy"), false, codeBad},
		{"nothing checked", listMail(server.URL+"/ok", listFields), func(*store.Delivery) {}, false, codeBad},
		{"signature failed", listMail(server.URL+"/ok", listFields), authenticated("lists.example", "sel", "fail", "Zm9vYmFy"), false, codeBad},
		{"another signature passed", listMail(server.URL+"/ok", listFields), authenticated("lists.example", "sel", "pass", "QUJD"), false, codeBad},
		{"another domain signed", listMail(server.URL+"/ok", listFields), authenticated("example.com", "sel", "pass", "Zm9vYmFy"), false, codeBad},
		{"says itself that it passed", "Authentication-Results: mail.example.org; dkim=pass header.d=lists.example header.s=sel header.b=Zm9vYmFy\n" + listMail(server.URL+"/ok", listFields), func(*store.Delivery) {}, false, codeBad},
		{"without TLS", listMail("http://lists.example/ok", listFields), authenticated("lists.example", "sel", "pass", "Zm9vYmFy"), false, codeBad},
		{"other post", strings.Replace(listMail(server.URL+"/ok", listFields), "=One-Click", "=One-Click&x=1", 1), authenticated("lists.example", "sel", "pass", "Zm9vYmFy"), false, codeBad},
		{"redirect", listMail(server.URL+"/redirect", listFields), authenticated("lists.example", "sel", "pass", "Zm9vYmFy"), true, codeRefused},
		{"refused", listMail(server.URL+"/gone", listFields), authenticated("lists.example", "sel", "pass", "Zm9vYmFy"), true, codeRefused},
		{"two fields", "List-Unsubscribe: <https://evil.example/>\n" + listMail(server.URL+"/ok", listFields), authenticated("lists.example", "sel", "pass", "Zm9vYmFy"), false, codeBad},
	} {
		requests = nil
		added := e.deliver("", test.text, test.change)
		m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
		if err != nil {
			t.Fatal(err)
		}
		if m.Unsubscribe != nil && (m.Unsubscribe.Mail != "mailto:leave@lists.example?subject=x" || m.Unsubscribe.Web == "") || (m.Unsubscribe != nil && m.Unsubscribe.OneClick) != test.oneClick {
			t.Errorf("%s: %+v", test.name, m.Unsubscribe)
		}
		if m.ListID != "l.lists.example" || m.ListPost != "l@lists.example" {
			t.Errorf("%s: list %q, %q", test.name, m.ListID, m.ListPost)
		}
		err = e.api.Unsubscribe(e.ctx, added.Email.String())
		if test.code != "" {
			wantCode(t, err, test.code)
			if test.code == codeBad && len(requests) > 0 || len(requests) > 1 {
				t.Errorf("%s: requests %q", test.name, requests)
			}
			continue
		}
		if want := "POST /ok?u=1 application/x-www-form-urlencoded List-Unsubscribe=One-Click "; err != nil || len(requests) != 1 || requests[0] != want {
			t.Errorf("%s: %v, requests %q", test.name, err, requests)
		}
	}
}

// Without a client that is safe to use the server asks nobody.
func TestUnsubscribeWithoutClient(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	added := e.deliver("", listMail("https://lists.example/ok", listFields), authenticated("lists.example", "sel", "pass", "Zm9vYmFy"))
	m, err := e.api.Message(e.ctx, added.Email.String(), "", false)
	if err != nil || m.Unsubscribe == nil || m.Unsubscribe.OneClick {
		t.Errorf("%+v, %v", m.Unsubscribe, err)
	}
	wantCode(t, e.api.Unsubscribe(e.ctx, added.Email.String()), codeBad)
}

func TestListURLs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ value, want string }{
		{" <mailto:a@b>, <https://x/>", "mailto:a@b https://x/"},
		{" (a <b> comment) <mailto:a@b>", "mailto:a@b"},
		{" <https://x/a\r\n bc>", "https://x/abc"},
		{" NO", ""},
		{" <unfinished", ""},
		{" (unfinished <https://x/>", ""},
		{" <https://[x/>, <https://y/>", "https://y/"},
		{strings.Repeat(" <https://x/>,", 100), strings.TrimSpace(strings.Repeat("https://x/ ", 10))},
	} {
		var got []string
		for _, u := range listURLs([]byte(test.value)) {
			got = append(got, u.String())
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%q: %q, want %q", test.value, s, test.want)
		}
	}
}
