package websession_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mox/login"
	"mox/store"
	"mox/websession"
)

// Logging in and out as a browser does it, with TLS and without.
func TestBrowser(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{true, false} {
		e := newEnv(t)
		server := httptest.NewUnstartedServer(e.pages)
		name, attributes := "mox-webmail", []string{"Path=/", "HttpOnly", "SameSite=Strict"}
		if secure {
			server.StartTLS()
			name, attributes = "__Host-mox-webmail", append(attributes, "Secure")
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		for _, remember := range []bool{false, true} {
			b := newBrowser(t, server)
			if got := code(t, b.do("GET", "mail", "", "", "")); got != "Unauthorized user:noSession" {
				t.Errorf("before login: %s", got)
			}
			resp := b.do("POST", "session/", "", "application/json", logInBody("ann@example.org", secret, remember))
			set := resp.Header["Set-Cookie"]
			want := attributes
			if remember {
				want = append([]string{"Max-Age=2592000"}, want...)
			}
			if len(set) != 1 || !strings.HasPrefix(set[0], name+"=") || len(strings.Split(set[0], "; ")) != len(want)+1 {
				t.Errorf("secure %v, cookies %q, want attributes %q", secure, set, want)
			}
			for _, a := range want {
				if !strings.Contains(set[0]+";", "; "+a+";") {
					t.Errorf("secure %v, cookie %q lacks %s", secure, set, a)
				}
			}
			var state, again websession.State
			decode(t, resp, &state)
			decode(t, b.do("GET", "session/", "", "", ""), &again)
			if state != again || state.Account != "ann" || len(state.CSRF) != 43 || strings.Contains(set[0], state.CSRF) || strings.Contains(set[0], "ann") {
				t.Errorf("state %+v, then %+v, cookie %s", state, again, set[0])
			}
			if got := code(t, b.do("GET", "mail", "", "", "")); got != ok {
				t.Errorf("logged in: %s", got)
			}
			kept := b.cookies()
			if got := code(t, b.do("DELETE", "session/", "", "", "")); got != "Forbidden user:badCSRF" {
				t.Errorf("logout without token: %s", got)
			}
			resp = b.do("DELETE", "session/", state.CSRF, "", "")
			if c := resp.Cookies(); resp.StatusCode != http.StatusOK || len(c) != 1 || c[0].Name != name || c[0].MaxAge >= 0 || len(b.cookies()) != 0 {
				t.Errorf("logout: %d, %v", resp.StatusCode, c)
			}
			u, _ := url.Parse(b.base)
			b.c.Jar.SetCookies(u, []*http.Cookie{{Name: kept[0].Name, Value: kept[0].Value, Path: "/", Secure: secure}})
			if got := code(t, b.do("GET", "mail", "", "", "")); got != over {
				t.Errorf("cookie kept after logout: %s", got)
			}
		}
	}
}

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(o *websession.Options) { o.Unlimited = isExample })
	form := func(extra http.Header) http.Header {
		h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		for k, v := range extra {
			h[k] = v
		}
		return h
	}
	with := func(name, value string) http.Header {
		h := jsonHeader()
		h.Set(name, value)
		return h
	}
	good := logInBody("bob", secret, false)
	goodForm := "username=bob&password=" + url.QueryEscape(secret)
	for _, tt := range []struct {
		name   string
		header http.Header
		body   string
		want   string
	}{
		{"right", jsonHeader(), good, ok},
		{"right, from the page", with("Sec-Fetch-Site", "same-origin"), good, ok},
		{"right, origin only", with("Origin", "https://mail.example.org"), good, ok},
		{"wrong password", jsonHeader(), logInBody("bob", "wrong", false), "Unauthorized user:badCredentials"},
		{"unknown user", jsonHeader(), logInBody("nobody", secret, false), "Unauthorized user:badCredentials"},
		{"no user", jsonHeader(), logInBody("", secret, false), "Unauthorized user:badCredentials"},
		{"no password", jsonHeader(), logInBody("bob", "", false), "Unauthorized user:badCredentials"},
		{"disabled", jsonHeader(), logInBody("ann", secret, false), "Forbidden user:loginDisabled"},
		{"disabled, wrong password", jsonHeader(), logInBody("ann", "wrong", false), "Unauthorized user:badCredentials"},
		{"not JSON", jsonHeader(), goodForm, "Bad Request user:badRequest"},
		{"other JSON", jsonHeader(), `{"User": "bob"}`, "Bad Request user:badRequest"},
		{"too large", jsonHeader(), logInBody("bob", strings.Repeat("x", 20_000), false), "Request Entity Too Large user:badRequest"},
		{"simple request", http.Header{"Content-Type": {"text/plain"}}, good, "Unsupported Media Type user:badRequest"},
		{"no type", nil, good, "Unsupported Media Type user:badRequest"},
		{"another site", with("Sec-Fetch-Site", "cross-site"), good, "Forbidden user:crossSite"},
		{"another host of the site", with("Sec-Fetch-Site", "same-site"), good, "Forbidden user:crossSite"},
		{"another origin", with("Origin", "https://example.org"), good, "Forbidden user:crossSite"},
		{"without TLS", with("Origin", "http://mail.example.org"), good, "Forbidden user:crossSite"},
		{"hidden origin", with("Origin", "null"), good, "Forbidden user:crossSite"},
	} {
		e.disabled = &login.DisabledError{Reason: "ask the office"}
		resp := e.do(request{"POST", "session/", tt.header, tt.body, true})
		if got := code(t, resp); got != tt.want || (len(resp.Cookies()) > 0) != (tt.want == ok) {
			t.Errorf("%s: %s, cookies %v; want %s", tt.name, got, resp.Cookies(), tt.want)
		}
	}
	for _, tt := range []struct {
		name   string
		header http.Header
		body   string
		status int
	}{
		{"right", form(http.Header{"Origin": {"https://mail.example.org"}}), goodForm, http.StatusSeeOther},
		{"right, hidden origin", form(http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"same-origin"}}), goodForm, http.StatusSeeOther},
		{"no origin", form(nil), goodForm, http.StatusForbidden},
		{"another site", form(http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}), goodForm, http.StatusForbidden},
		{"in the URL", form(http.Header{"Sec-Fetch-Site": {"same-origin"}}), "", http.StatusUnauthorized},
		{"wrong", form(http.Header{"Sec-Fetch-Site": {"same-origin"}}), "username=%3Cb%3E&password=wrong", http.StatusUnauthorized},
	} {
		resp := e.do(request{"POST", "session/?" + goodForm, tt.header, tt.body, true})
		if resp.StatusCode != tt.status || (len(resp.Cookies()) > 0) != (tt.status == http.StatusSeeOther) {
			t.Errorf("form, %s: %d, cookies %v", tt.name, resp.StatusCode, resp.Cookies())
		}
	}
}

// Which requests are let through, of those that somebody makes who has logged in.
func TestRequire(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	l, other := e.logIn("ann", false), e.logIn("ann", false)
	account, err := websession.New(websession.Options{Name: "account", Logins: newLogins(t, e), Sessions: websession.AccountSessions(e.store)})
	if err != nil {
		t.Fatal(err)
	}
	foreign := &loggedIn{e: &env{t: t, pages: pages(account)}}
	*foreign = *foreign.e.logIn("ann", false)
	navigate := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}
	flipped := []byte(l.cookie.Value)
	flipped[40] ^= 1
	for _, tt := range []struct {
		name   string
		method string
		change http.Header // Empty values are removed.
		plain  bool
		want   string
	}{
		{"reading", "GET", nil, false, ok},
		{"reading without token", "GET", http.Header{"X-Mox-Csrf": nil}, false, ok},
		{"head", "HEAD", nil, false, ok},
		{"changing", "POST", nil, false, ok},
		{"changing, origin only", "POST", http.Header{"Sec-Fetch-Site": nil, "Origin": {"https://mail.example.org"}}, false, ok},
		{"typed address", "GET", http.Header{"Sec-Fetch-Site": {"none"}, "X-Mox-Csrf": nil}, false, ok},
		{"link of another site", "GET", navigate, false, ok},
		{"no cookie", "GET", http.Header{"Cookie": nil}, false, "Unauthorized user:noSession"},
		{"cookie without TLS", "GET", http.Header{"Cookie": {"mox-webmail=" + l.cookie.Value}}, false, "Unauthorized user:noSession"},
		{"cookie with TLS, sent without", "GET", nil, true, "Unauthorized user:noSession"},
		{"empty cookie", "GET", http.Header{"Cookie": {l.cookie.Name + "="}}, false, over},
		{"short cookie", "GET", http.Header{"Cookie": {l.cookie.Name + "=" + l.cookie.Value[:63]}}, false, over},
		{"made up cookie", "GET", http.Header{"Cookie": {l.cookie.Name + "=" + strings.Repeat("A", 64)}}, false, over},
		{"other token", "GET", http.Header{"Cookie": {l.cookie.Name + "=" + string(flipped)}}, false, over},
		{"other session's token", "GET", http.Header{"Cookie": {l.cookie.Name + "=" + l.cookie.Value[:20] + other.cookie.Value[20:]}}, false, over},
		{"two cookies", "GET", http.Header{"Cookie": {l.cookie.Name + "=" + l.cookie.Value + "; " + l.cookie.Name + "=" + other.cookie.Value}}, false, over},
		{"session of other pages", "GET", http.Header{"Cookie": {l.cookie.Name + "=" + foreign.cookie.Value}}, false, over},
		{"changing without token", "POST", http.Header{"X-Mox-Csrf": nil}, false, "Forbidden user:badCSRF"},
		{"empty token", "PUT", http.Header{"X-Mox-Csrf": {""}}, false, "Forbidden user:badCSRF"},
		{"wrong token", "DELETE", http.Header{"X-Mox-Csrf": {strings.Repeat("x", 43)}}, false, "Forbidden user:badCSRF"},
		{"token of another session", "PATCH", http.Header{"X-Mox-Csrf": {other.state.CSRF}}, false, "Forbidden user:badCSRF"},
		{"cookie as token", "POST", http.Header{"X-Mox-Csrf": {l.cookie.Value}}, false, "Forbidden user:badCSRF"},
		{"unknown method", "BREW", http.Header{"X-Mox-Csrf": nil}, false, "Forbidden user:badCSRF"},
		{"changing, another site", "POST", http.Header{"Sec-Fetch-Site": {"cross-site"}}, false, "Forbidden user:crossSite"},
		{"changing, form of another site", "POST", navigate, false, "Forbidden user:crossSite"},
		{"changing, another host", "POST", http.Header{"Sec-Fetch-Site": {"same-site"}}, false, "Forbidden user:crossSite"},
		{"changing, another origin", "POST", http.Header{"Sec-Fetch-Site": nil, "Origin": {"https://mail.example.org.evil.example"}}, false, "Forbidden user:crossSite"},
		{"changing, another port", "POST", http.Header{"Sec-Fetch-Site": nil, "Origin": {"https://mail.example.org:8443"}}, false, "Forbidden user:crossSite"},
		{"image of another site", "GET", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}}, false, "Forbidden user:crossSite"},
		{"frame of another site", "GET", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, false, "Forbidden user:crossSite"},
		{"nonsense", "GET", http.Header{"Sec-Fetch-Site": {"whatever"}}, false, "Forbidden user:crossSite"},
	} {
		h := l.header()
		for name, values := range tt.change {
			if h[name] = values; values == nil {
				delete(h, name)
			}
		}
		if got := code(t, e.do(request{tt.method, "mail", h, "", !tt.plain})); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	// A proxy that is trusted tells of TLS.
	h := l.header()
	h.Set("X-Forwarded-Proto", "https")
	if got := code(t, e.do(request{"GET", "mail", h, "", false})); got != ok {
		t.Errorf("behind a proxy: %s", got)
	}
	e.disabled = &login.DisabledError{Reason: "ask the office"}
	l.want("disabled", "Forbidden user:loginDisabled")
	e.disabled = nil
	l.want("enabled again", ok)
	e.disabled = errors.New("gone")
	l.want("account is not there any more", over)
}

// Whoever plants a cookie knows nothing of the session that begins later, and a browser leaves none behind.
func TestFixation(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	attacker := e.logIn("bob", false)
	h := jsonHeader()
	h.Set("Cookie", attacker.cookie.Name+"="+attacker.cookie.Value)
	resp := e.do(request{"POST", "session/", h, logInBody("ann", secret, false), true})
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
		t.Fatalf("login: %d, %v", resp.StatusCode, resp.Cookies())
	}
	victim := &loggedIn{e: e, cookie: resp.Cookies()[0]}
	decode(t, resp, &victim.state)
	if victim.cookie.Value == attacker.cookie.Value || victim.state.Account != "ann" || victim.state.CSRF == attacker.state.CSRF {
		t.Errorf("session %+v, planted one %+v", victim.state, attacker.state)
	}
	attacker.want("planted session", over)
	victim.want("own session", ok)
	// A login that fails ends nothing.
	h.Set("Cookie", victim.cookie.Name+"="+victim.cookie.Value)
	if got := code(t, e.do(request{"POST", "session/", h, logInBody("ann", "wrong", false), true})); got != "Unauthorized user:badCredentials" {
		t.Error(got)
	}
	victim.want("after a login that failed", ok)
}

func TestTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		l, idle, remembered := e.logIn("ann", false), e.logIn("ann", false), e.logIn("ann", true)
		time.Sleep(23 * time.Hour)
		idle.want("used after 23 hours", ok)
		l.want("used after 23 hours", ok)
		for range 5 {
			time.Sleep(23 * time.Hour)
			l.want("used daily", ok)
		}
		idle.want("not used for days", over)
		time.Sleep(20 * time.Hour)
		l.want("used on the last day", ok)
		time.Sleep(7*24*time.Hour - 6*23*time.Hour - 20*time.Hour - time.Second)
		l.want("a moment before its end", ok)
		time.Sleep(time.Second)
		l.want("after 7 days", over)
		time.Sleep(23*24*time.Hour - time.Second)
		remembered.want("remembered, not used for 30 days", ok)
		time.Sleep(time.Second)
		remembered.want("after 30 days", over)
	})
}

// Sessions are listed, and ended one by one or together. Requests that last learn of it.
func TestList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *websession.Options) { o.Idle = time.Hour })
		own, second, third, bob := e.logIn("ann", false), e.logIn("ann", false), e.logIn("ann", true), e.logIn("bob", false)
		var l []websession.Info
		decode(t, own.do("GET", "session/all"), &l)
		if len(l) != 3 {
			t.Fatalf("sessions: %+v", l)
		}
		for _, i := range l {
			if i.Current != (i.ID == own.state.Session) || i.Service != "webmail" || i.Client != "192.0.2.1" {
				t.Errorf("session %+v", i)
			}
		}
		// Second has a stream of events.
		stream := make(chan time.Duration, 1)
		started := make(chan struct{})
		handler := e.service.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(started)
			<-r.Context().Done()
			if !errors.Is(context.Cause(r.Context()), websession.ErrOver) {
				t.Errorf("ended by %v", context.Cause(r.Context()))
			}
			stream <- 0
		}))
		go func() {
			r := httptest.NewRequest("GET", "https://mail.example.org/events", nil)
			r.Header = second.header()
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}()
		<-started
		// As long as it lasts, its session is used.
		time.Sleep(2 * time.Hour)
		second.want("with a stream", ok)
		own = e.logIn("ann", false)
		if got := code(t, bob.do("GET", "mail")); got != over {
			t.Errorf("without: %s", got)
		}
		bob = e.logIn("bob", false)
		for _, id := range []string{bob.state.Session, "", "0", "-1", "zz", strings.Repeat("f", 16)} {
			if got := code(t, own.do("DELETE", "session/all/"+id)); !strings.HasPrefix(got, "Not Found") && id != "" {
				t.Errorf("ending session %q: %s", id, got)
			}
		}
		bob.want("session of another account", ok)
		if got := code(t, own.do("DELETE", "session/all/"+second.state.Session)); got != ok {
			t.Error(got)
		}
		before := time.Now()
		<-stream
		if d := time.Since(before); d > 0 {
			t.Errorf("stream ended after %v", d)
		}
		second.want("ended", over)
		third.want("not ended", ok)
		var ended struct{ Ended int }
		decode(t, own.do("DELETE", "session/all"), &ended)
		if ended.Ended != 1 {
			t.Errorf("ended %d others", ended.Ended)
		}
		third.want("ended with all others", over)
		own.want("the one that ended others", ok)
		// A new password ends that, too. The page that has set it goes on with a new session.
		if err := e.ann.SetPassword(t.Context(), store.System, "another one"); err != nil {
			t.Fatal(err)
		}
		own.want("with another password", over)
		bob.want("another account", ok)
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "https://mail.example.org/webmail/", nil)
		if _, err := e.service.Begin(w, r, "ann", false); err != nil {
			t.Fatal(err)
		}
		own.cookie = w.Result().Cookies()[0]
		own.want("begun anew", ok)
	})
}

// Who guesses is slowed down, and then not listened to any more, also with the right password. What was tried can be
// seen by the owner.
func TestGuessing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		from := func(client, password string) string {
			r := httptest.NewRequest("POST", "https://mail.example.org/webmail/session/", strings.NewReader(logInBody("ann", password, false)))
			r.Header = jsonHeader()
			r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")
			r.RemoteAddr = client + ":1234"
			w := httptest.NewRecorder()
			e.pages.ServeHTTP(w, r)
			return code(t, w.Result())
		}
		for range 5 {
			if got := from("198.51.100.7", "wrong"); got != "Unauthorized user:badCredentials" {
				t.Error(got)
			}
		}
		if got := from("198.51.100.7", secret); got != "Unauthorized user:badCredentials" {
			t.Errorf("after too many failures: %s", got)
		}
		if got := from("203.0.113.9", secret); got != ok {
			t.Errorf("from elsewhere: %s", got)
		}
		l := e.logIn("ann", false)
		var attempts []websession.Attempt
		decode(t, l.do("GET", "session/attempts"), &attempts)
		failed := 0
		for _, a := range attempts {
			if a.Client == "198.51.100.7" && a.Result == store.LoginCredentials && a.UserAgent == "Firefox 150 on Linux" && a.Protocol == "webmail" {
				failed += a.Count
			}
		}
		if failed != 6 || len(attempts) != 3 {
			t.Errorf("attempts %+v", attempts)
		}
		time.Sleep(2 * time.Hour)
		if got := from("198.51.100.7", secret); got != ok {
			t.Errorf("later: %s", got)
		}
	})
}

func TestFailDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		logins, err := login.New(login.Options{Authenticate: func(context.Context, string, string) (string, error) { return "", errCredentials }})
		if err != nil {
			t.Fatal(err)
		}
		s, err := websession.New(websession.Options{Name: "webmail", Logins: logins, Sessions: websession.AccountSessions(e.store)})
		if err != nil {
			t.Fatal(err)
		}
		e.pages = pages(s)
		before := time.Now()
		resp := e.do(request{"POST", "session/", jsonHeader(), logInBody("ann", "wrong", false), true})
		if d := time.Since(before); resp.StatusCode != http.StatusUnauthorized || d != time.Second {
			t.Errorf("status %d after %v", resp.StatusCode, d)
		}
	})
}

// Whatever happens at the same time, no session of the earlier password is left.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(o *websession.Options) { o.Unlimited = isExample })
	l := e.logIn("ann", false)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var begun []*loggedIn
	for range 4 {
		wg.Go(func() {
			for range 5 {
				resp := e.do(request{"POST", "session/", jsonHeader(), logInBody("ann", secret, false), true})
				if c := resp.Cookies(); len(c) == 1 {
					mu.Lock()
					begun = append(begun, &loggedIn{e: e, cookie: c[0]})
					mu.Unlock()
				}
			}
		})
		wg.Go(func() {
			for range 50 {
				if got := code(t, l.do("GET", "mail")); got != ok && got != over {
					t.Error(got)
				}
			}
		})
	}
	if err := e.ann.SetPassword(t.Context(), store.System, "another one"); err != nil {
		t.Error(err)
	}
	wg.Wait()
	l.want("earlier password", over)
	for i, b := range begun {
		b.want(fmt.Sprintf("earlier password, session %d", i), over)
	}
	if left, err := e.ann.WebSessions(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%v, left: %+v", err, left)
	}
}

// The form works without scripts, also where a proxy has put the pages below another path.
func TestForm(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	inner := httptest.NewServer(e.pages)
	t.Cleanup(inner.Close)
	target, err := url.Parse(inner.URL)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/office", &httputil.ReverseProxy{Transport: inner.Client().Transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}))
	t.Cleanup(server.Close)
	b := newBrowser(t, server)
	b.base = server.URL + "/office/webmail/"
	page := text(t, b.do("GET", "", "", "", ""))
	for _, want := range []string{`<html lang="en">`, `<title>Log in - Webmail</title>`, `action="session/"`, `<label for="username">`, `<label for="password">`, `autocomplete="current-password"`, `method="post"`} {
		if !strings.Contains(page, want) {
			t.Errorf("form lacks %s", want)
		}
	}
	const kind = "application/x-www-form-urlencoded"
	resp := b.do("POST", "session/", "", kind, "username=%22%3E%3Cscript%3E&password=wrong&remember=1")
	page = text(t, resp)
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(page, `role="alert"`) || !strings.Contains(page, `value="&#34;&gt;&lt;script&gt;"`) || !strings.Contains(page, ` checked>`) || strings.Contains(page, "wrong&") {
		t.Errorf("after a wrong password: %d %s", resp.StatusCode, page)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("policy %q", csp)
	}
	resp = b.do("POST", "session/", "", kind, "username=ann&password="+url.QueryEscape(secret))
	to, err := resp.Location()
	if err != nil || resp.StatusCode != http.StatusSeeOther || to.String() != b.base {
		t.Fatalf("logged in: %d, to %v, %v", resp.StatusCode, to, err)
	}
	if got := text(t, b.do("GET", "mail", "", "", "")); got != "mail of ann" {
		t.Errorf("logged in: %s", got)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	good := websession.Options{Name: "webmail", Logins: newLogins(t, e), Sessions: websession.AccountSessions(e.store)}
	for _, change := range []func(*websession.Options){
		func(o *websession.Options) { o.Name = "" },
		func(o *websession.Options) { o.Name = "web; mail" },
		func(o *websession.Options) { o.Logins = nil },
		func(o *websession.Options) { o.Sessions = nil },
		func(o *websession.Options) { o.Idle = -1 },
	} {
		o := good
		if change(&o); websessionNew(o) == nil {
			t.Errorf("made with %+v", o)
		}
	}
	if err := websessionNew(good); err != nil {
		t.Error(err)
	}
}
