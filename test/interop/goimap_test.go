package interop

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// TestGoIMAP works with the client of github.com/emersion/go-imap/v2, which knows IMAP4rev1 and IMAP4rev2.
func TestGoIMAP(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	t.Run("login", func(t *testing.T) { goLogin(t, s) })
	for _, rev2 := range []bool{false, true} {
		name := "rev1"
		if rev2 {
			name = "rev2"
		}
		t.Run(name, func(t *testing.T) {
			c := dialGo(t, s, rev2, nil)
			t.Run("mailboxes", func(t *testing.T) { goMailboxes(t, c) })
			t.Run("names", func(t *testing.T) { goNames(t, c, rev2) })
			t.Run("fetch", func(t *testing.T) { goFetch(t, c) })
			t.Run("parts", func(t *testing.T) { goParts(t, c) })
			t.Run("search", func(t *testing.T) { goSearch(t, c) })
			t.Run("flags", func(t *testing.T) { goFlags(t, c) })
			t.Run("copy", func(t *testing.T) { goCopy(t, c) })
			t.Run("idle", func(t *testing.T) { goIdle(t, s, rev2) })
			goDo(t, "LOGOUT", c.Logout())
		})
	}
}

// dialGo returns a client that is logged in, of IMAP4rev2 if asked for.
func dialGo(t *testing.T, s *server, rev2 bool, handler *imapclient.UnilateralDataHandler) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(s.addr(1143), &imapclient.Options{UnilateralDataHandler: handler})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	goDo(t, "LOGIN", c.Login(user, password))
	if !rev2 {
		return c
	}
	if data, err := c.Enable(imap.CapIMAP4rev2).Wait(); err != nil || !data.Caps.Has(imap.CapIMAP4rev2) {
		t.Fatalf("ENABLE: %v %v", data, err)
	}
	return c
}

// goDo waits for a command without data.
func goDo(t *testing.T, name string, cmd interface{ Wait() error }) {
	t.Helper()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// goGet waits for a command with data.
func goGet[T any](t *testing.T, name string, cmd interface{ Wait() (T, error) }) T {
	t.Helper()
	data, err := cmd.Wait()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return data
}

// goAll collects the data of a command.
func goAll[T any](t *testing.T, name string, cmd interface{ Collect() ([]T, error) }) []T {
	t.Helper()
	l, err := cmd.Collect()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return l
}

// goRefused waits for a command that is answered with NO and a code.
func goRefused(t *testing.T, name string, err error, code imap.ResponseCode) {
	t.Helper()
	var e *imap.Error
	if !errors.As(err, &e) || e.Type != imap.StatusResponseTypeNo || e.Code != code {
		t.Errorf("%s: got %v, want NO [%s]", name, err, code)
	}
}

func goEqual[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// goMailbox makes a mailbox with messages and selects it.
func goMailbox(t *testing.T, c *imapclient.Client, name string, msgs ...string) *imap.SelectData {
	t.Helper()
	goDo(t, "CREATE", c.Create(name, nil))
	for _, msg := range msgs {
		goAppend(t, c, name, msg, nil)
	}
	t.Cleanup(func() {
		goDo(t, "UNSELECT", c.Unselect())
		goDo(t, "DELETE", c.Delete(name))
	})
	return goGet(t, "SELECT", c.Select(name, &imap.SelectOptions{CondStore: true}))
}

func goAppend(t *testing.T, c *imapclient.Client, mailbox, msg string, options *imap.AppendOptions) *imap.AppendData {
	t.Helper()
	cmd := c.Append(mailbox, int64(len(msg)), options)
	if _, err := cmd.Write([]byte(msg)); err != nil {
		t.Fatalf("APPEND: %v", err)
	}
	if err := cmd.Close(); err != nil {
		t.Fatalf("APPEND: %v", err)
	}
	return goGet(t, "APPEND", cmd)
}

func goLogin(t *testing.T, s *server) {
	cert, err := os.ReadFile(s.certificate())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	options := func() *imapclient.Options {
		return &imapclient.Options{TLSConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
	}
	for name, dial := range map[string]func() (*imapclient.Client, error){
		"plain":    func() (*imapclient.Client, error) { return imapclient.DialInsecure(s.addr(1143), nil) },
		"starttls": func() (*imapclient.Client, error) { return imapclient.DialStartTLS(s.addr(1143), options()) },
		"tls":      func() (*imapclient.Client, error) { return imapclient.DialTLS(s.addr(1993), options()) },
	} {
		for mechanism, mech := range map[string]func(password string) sasl.Client{
			"LOGIN command": nil,
			"PLAIN":         func(password string) sasl.Client { return sasl.NewPlainClient("", user, password) },
			"LOGIN":         func(password string) sasl.Client { return sasl.NewLoginClient(user, password) },
		} {
			c, err := dial()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			login := func(password string) error {
				if mech == nil {
					return c.Login(user, password).Wait()
				}
				return c.Authenticate(mech(password))
			}
			before := c.Caps()
			if before.Has(imap.CapLoginDisabled) || mech != nil && !before.Has(imap.AuthCap(mechanism)) || before.Has(imap.CapStartTLS) != (name == "plain") {
				t.Errorf("%s: capabilities %v", name, before)
			}
			goRefused(t, name+" "+mechanism, login("wrong"), imap.ResponseCodeAuthenticationFailed)
			if err := login(password); err != nil {
				t.Errorf("%s %s: %v", name, mechanism, err)
			}
			after := goGet(t, "CAPABILITY", c.Capability())
			// The client sets it after Wait has returned, but before it reads on.
			goEqual(t, "state", c.State(), imap.ConnStateAuthenticated)
			for _, name := range []imap.Cap{imap.CapIMAP4rev1, imap.CapIMAP4rev2, imap.CapLiteralPlus, imap.CapESearch, imap.CapSearchRes, imap.CapListExtended, imap.CapListStatus, imap.CapIdle, imap.CapMove, imap.CapUIDPlus, imap.CapCondStore, imap.CapBinary, imap.CapMultiAppend} {
				if !after.Has(name) {
					t.Errorf("no %s among %v", name, after)
				}
			}
			goDo(t, "LOGOUT", c.Logout())
		}
	}
}

// goMailboxes lists the mailboxes of a new account.
func goMailboxes(t *testing.T, c *imapclient.Client) {
	id := goGet(t, "ID", c.ID(&imap.IDData{Name: "test", Version: "1"}))
	goEqual(t, "ID", id.Name, "mox")
	ns := goGet(t, "NAMESPACE", c.Namespace())
	goEqual(t, "NAMESPACE", *ns, imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: '/'}}})
	goDo(t, "NOOP", c.Noop())

	uses := map[string]imap.MailboxAttr{"Archive": imap.MailboxAttrArchive, "Drafts": imap.MailboxAttrDrafts, "Junk": imap.MailboxAttrJunk, "Sent": imap.MailboxAttrSent, "Trash": imap.MailboxAttrTrash}
	l := goAll(t, "LIST", c.List("", "*", &imap.ListOptions{ReturnSpecialUse: true}))
	for _, mb := range l {
		if use := uses[mb.Mailbox]; use != "" && !slices.Contains(mb.Attrs, use) {
			t.Errorf("%s has %v", mb.Mailbox, mb.Attrs)
		}
		delete(uses, mb.Mailbox)
	}
	goEqual(t, "special-use mailboxes that are not listed", len(uses), 0)
	l = goAll(t, "LIST", c.List("", "", nil))
	if len(l) != 1 || l[0].Delim != '/' {
		t.Errorf("LIST of nothing: %v", l)
	}
	goRefused(t, "SELECT", func() error { _, err := c.Select("nothing", nil).Wait(); return err }(), imap.ResponseCodeNonExistent)
	goRefused(t, "CREATE", c.Create("INBOX", nil).Wait(), imap.ResponseCodeAlreadyExists)
}

// goNames makes, lists, renames and deletes mailboxes with all kinds of names.
func goNames(t *testing.T, c *imapclient.Client, rev2 bool) {
	names := []string{"plain", "with space", `quote " backslash \`, "Grüße", "日本語", "a/Grüße/c", "100%", "ünder*"}
	if !rev2 {
		// This client writes and reads "&" as in modified UTF-7 with IMAP4rev2 too, against RFC 9051 §5.1, and
		// with IMAP4rev1 among UTF-8.
		const ampersand = "goimap Q & A"
		goDo(t, "CREATE", c.Create(ampersand, nil))
		goEqual(t, "LIST", goAll(t, "LIST", c.List("", ampersand, nil))[0].Mailbox, ampersand)
		goDo(t, "DELETE", c.Delete(ampersand))
	}
	const top = "Été/"
	for _, name := range names {
		name = top + name
		goDo(t, "CREATE "+name, c.Create(name, nil))
		goDo(t, "SUBSCRIBE "+name, c.Subscribe(name))
		goAppend(t, c, name, "Subject: x\r\n\r\n", nil)
	}
	options := &imap.ListOptions{
		ReturnSubscribed: true, ReturnChildren: true,
		ReturnStatus: &imap.StatusOptions{NumMessages: true, NumUnseen: true, NumDeleted: true, UIDNext: true, UIDValidity: true, Size: true},
	}
	listed := map[string]*imap.ListData{}
	for _, mb := range goAll(t, "LIST", c.List("", top+"*", options)) {
		listed[mb.Mailbox] = mb
	}
	for _, name := range names {
		mb := listed[top+name]
		if mb == nil {
			t.Errorf("%q is not among %v", name, listed)
			continue
		}
		if !slices.Contains(mb.Attrs, imap.MailboxAttrSubscribed) || !slices.Contains(mb.Attrs, imap.MailboxAttrHasNoChildren) {
			t.Errorf("%q has %v", name, mb.Attrs)
		}
		if st := mb.Status; st == nil || st.NumMessages == nil || *st.NumMessages != 1 || *st.NumUnseen != 1 || *st.NumDeleted != 0 || *st.Size != 14 || st.UIDNext != 2 {
			t.Errorf("%q has status %+v", name, st)
		}
	}
	l := goAll(t, "LIST", c.List("", top+"%", &imap.ListOptions{SelectSubscribed: true, SelectRecursiveMatch: true}))
	if i := slices.IndexFunc(l, func(mb *imap.ListData) bool { return mb.Mailbox == top+"a" }); i < 0 || l[i].ChildInfo == nil || !l[i].ChildInfo.Subscribed {
		t.Errorf("LIST (SUBSCRIBED RECURSIVEMATCH): %v", l)
	}
	for i, name := range names {
		renamed := fmt.Sprintf("%srenamed ü %d", top, i)
		goDo(t, "RENAME "+name, c.Rename(top+name, renamed, nil))
		st := goGet(t, "STATUS", c.Status(renamed, &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, NumUnseen: true, HighestModSeq: true}))
		if st.Mailbox != renamed || *st.NumMessages != 1 || *st.NumUnseen != 1 || st.UIDNext != 2 || st.UIDValidity == 0 || st.HighestModSeq == 0 {
			t.Errorf("STATUS %+v", st)
		}
		goDo(t, "UNSUBSCRIBE", c.Unsubscribe(top+name))
		goDo(t, "DELETE", c.Delete(renamed))
	}
	for _, name := range []string{"a/Grüße", "a", ""} {
		c.Delete(strings.TrimSuffix(top+name, "/")).Wait() // Made as parents.
	}
	if l := goAll(t, "LIST", c.List("", top+"*", nil)); len(l) != 0 {
		t.Errorf("left: %v", l)
	}
}
