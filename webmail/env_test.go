package webmail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mox/config"
	"mox/dns"
	"mox/internal/jsoncall"
	"mox/login"
	"mox/pipeline/local"
	"mox/queue"
	"mox/queuedb"
	"mox/smtp"
	"mox/store"
	"mox/store/storetest"
	"mox/websession"
)

// testConf has account ann, with ann@example.org and all of example.net, and bob.
const testConf = `Domains:
	example.org: nil
	example.net: nil
Accounts:
	ann:
		Domain: example.org
		FullName: Ann Example
		Destinations:
			ann@example.org: nil
			ann.other@example.org: nil
			@example.net: nil
	bob:
		Domain: example.org
		Destinations:
			bob@example.org: nil
`

// patience only ends what hangs: a machine with much else to do may stand still for many seconds.
const patience = 2 * time.Minute

// env is a webmail with a session of ann.
type env struct {
	t       testing.TB
	store   *store.Store
	acc     *store.Account // Of ann.
	server  *Server
	api     API
	ctx     context.Context // Of calls, with the session.
	session *websession.Session
	cookie  *http.Cookie

	sessions *websession.Service
}

// newEnv returns a webmail. Changes are made to its options.
func newEnv(t testing.TB, changes ...func(*Options)) *env {
	t.Helper()
	e := &env{t: t, store: storetest.New(t)}
	e.acc = storetest.Account(t, e.store, "ann")
	storetest.Account(t, e.store, "bob")
	cfg := testConfig(t)
	logins, err := login.New(login.Options{Authenticate: func(context.Context, string, string) (string, error) {
		return "", errors.New("no passwords")
	}})
	if err != nil {
		t.Fatal(err)
	}
	e.sessions, err = websession.New(websession.Options{Name: "webmail", Logins: logins, Sessions: websession.AccountSessions(e.store)})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Accounts: e.store, Config: func() *config.Config { return cfg }, Sessions: e.sessions,
		Submissions: &queue.Submissions{Accounts: e.store}, SpoolDir: t.TempDir(), Version: "test",
	}
	for _, change := range changes {
		change(&o)
	}
	if e.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	e.api = API{e.server}
	e.ctx, e.session, e.cookie = e.logIn("ann")
	return e
}

// option gives a webmail the queue, which does not deliver before it is started. It is a change for newEnv.
func (q *testQueue) option(o *Options) {
	q.t.Helper()
	db, err := queuedb.Open(q.t.Context(), queuedb.Options{Dir: q.t.TempDir()})
	if err != nil {
		q.t.Fatal(err)
	}
	q.submissions = &queue.Submissions{Accounts: o.Accounts, Log: slog.New(slog.DiscardHandler)}
	q.Queue, err = queue.New(queue.Options{
		DB: db, Local: local.New(o.Accounts), Hostname: dns.Domain{ASCII: "mail.example.org"},
		Route: func(*queuedb.Message, *queuedb.Recipient) queue.Transport {
			return queue.Fail{TransportName: "fail", Reply: &smtp.Error{Code: 550, Text: "no"}}
		},
		LookupLocal: func(context.Context, smtp.Path) (string, string, bool, error) { return "", "", false, nil },
		Done:        q.submissions.Done, Begun: q.submissions.Begun,
	})
	if err != nil {
		q.t.Fatal(err)
	}
	q.submissions.Queue = q.Queue
	o.Submissions = q.submissions
	q.t.Cleanup(func() {
		if err := q.Shutdown(context.Background()); err != nil {
			q.t.Errorf("shutting the queue down: %v", err)
		}
		if err := db.Close(); err != nil {
			q.t.Errorf("closing the queue: %v", err)
		}
	})
}

// testQueue is a queue that fails all recipients elsewhere, once it is started.
type testQueue struct {
	*queue.Queue
	t           testing.TB
	submissions *queue.Submissions
}

// queued returns what the queue holds: the text of each message, for each recipient.
func (q *testQueue) queued() []queuedb.Entry {
	q.t.Helper()
	l, err := q.List(q.t.Context(), queuedb.Filter{}, queuedb.Page{Limit: 1000})
	if err != nil {
		q.t.Fatal(err)
	}
	return l
}

// text returns the message of an entry, as recipients get it.
func (q *testQueue) text(e queuedb.Entry) string {
	q.t.Helper()
	b, err := q.OpenBody(q.t.Context(), e.Message.ID)
	if err != nil {
		q.t.Fatal(err)
	}
	defer b.Close()
	text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		q.t.Fatal(err)
	}
	return string(e.Recipient.Prefix) + string(text)
}

// newSendingEnv returns a webmail with a queue.
func newSendingEnv(t testing.TB, changes ...func(*Options)) (*env, *testQueue) {
	t.Helper()
	q := &testQueue{t: t}
	return newEnv(t, append([]func(*Options){q.option}, changes...)...), q
}

// testConfig reads testConf.
func testConfig(t testing.TB) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mox.conf":     "DataDir: data\nHostname: mail.example.org\nPostmaster:\n\tAccount: ann\nListeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 127.0.0.1\n",
		"domains.conf": testConf,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(config.Options{Path: filepath.Join(dir, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// logIn begins a session and returns the context of its calls.
func (e *env) logIn(account string) (context.Context, *websession.Session, *http.Cookie) {
	e.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "https://mail.example.org/", nil).WithContext(e.t.Context())
	if _, err := e.sessions.Begin(w, r, account, false); err != nil {
		e.t.Fatal(err)
	}
	cookie := w.Result().Cookies()[0]
	r.AddCookie(cookie)
	var ctx context.Context
	e.sessions.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx = context.WithoutCancel(r.Context())
	})).ServeHTTP(httptest.NewRecorder(), r)
	if ctx == nil {
		e.t.Fatal("no session")
	}
	ctx, cancel := context.WithCancel(ctx)
	e.t.Cleanup(cancel)
	return ctx, websession.FromContext(ctx), cookie
}

// request returns one of a page, for do.
func (e *env) request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "https://mail.example.org"+path, strings.NewReader(body)).WithContext(e.t.Context())
	r.AddCookie(e.cookie)
	r.Header.Set("X-Mox-Csrf", e.session.CSRF())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// do answers a request below the place of the service.
func (e *env) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	e.server.Handler("/webmail/").ServeHTTP(w, r)
	return w.Result()
}

// deliver adds a message to a mailbox of ann, Inbox if that is empty.
func (e *env) deliver(mailbox, text string, change ...func(*store.Delivery)) store.Added {
	e.t.Helper()
	d := storetest.Delivery(mailbox, text)
	for _, f := range change {
		f(&d)
	}
	added, err := e.acc.Deliver(e.t.Context(), store.System, d)
	if err != nil {
		e.t.Fatal(err)
	}
	return added
}

// simple returns a message.
func simple(from, subject, body string) string {
	return fmt.Sprintf("From: %s\nTo: ann@example.org\nSubject: %s\nDate: Sun, 22 Nov 2026 10:00:00 +0000\nMessage-ID: <%s@example.com>\n\n%s\n",
		from, subject, strings.Join(strings.Fields(subject+from), ""), body)
}

// reply returns an answer to a message that simple returned, with its sender and subject.
func reply(from, to, subject, body string) string {
	id := strings.Join(strings.Fields(subject+to), "")
	return fmt.Sprintf("From: %s\nTo: %s\nSubject: Re: %s\nDate: Sun, 22 Nov 2026 11:00:00 +0000\nIn-Reply-To: <%s@example.com>\nReferences: <%s@example.com>\nMessage-ID: <re-%s-%d@example.com>\n\n%s\n",
		from, to, subject, id, id, strings.Join(strings.Fields(from), ""), len(body), body)
}

// mailbox returns a mailbox by its name.
func (e *env) mailbox(name string) store.Mailbox {
	e.t.Helper()
	mb, err := e.acc.MailboxByName(e.t.Context(), store.System, name)
	if err != nil {
		e.t.Fatalf("mailbox %s: %v", name, err)
	}
	return mb
}

// wantCode fails the test if an error has another code.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[*jsoncall.Error](err)
	if !ok || e.Code != code {
		t.Errorf("error %v, want code %s", err, code)
	}
}

// storeMessage returns a message to be added.
func storeMessage(text string) store.NewMessage { return storetest.Message(text) }
