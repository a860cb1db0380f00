package webmail

import (
	"strings"
	"testing"
)

// What senders choose does not fill the settings of those who read their mail.
func TestSendersInSettings(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, address := range []string{"", "x", strings.Repeat("x", 1000) + "@example.org"} {
		_, err := e.api.AllowRemote(e.ctx, address, true)
		wantCode(t, err, codeBad)
		wantCode(t, e.api.ShowBody(e.ctx, address, BodyText), codeBad)
	}
	if st, err := e.api.AllowRemote(e.ctx, "Joe@example.com", true); err != nil || len(st.RemoteSenders) != 1 {
		t.Errorf("%q, %v", st.RemoteSenders, err)
	}
	if st, err := e.api.AllowRemote(e.ctx, "joe@Example.com", false); err != nil || len(st.RemoteSenders) != 0 {
		t.Errorf("%q, %v", st.RemoteSenders, err)
	}
	if err := e.api.ShowBody(e.ctx, "joe@example.com", BodyText); err != nil {
		t.Error(err)
	}
}

// Warnings are given about what can be sent, and looked for in nothing larger.
func TestWarningsBounds(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	d := letterTo("x@remote.example")
	d.Text = strings.Repeat("x", maxDraftText+1)
	_, err := e.api.Warnings(e.ctx, d)
	wantCode(t, err, codeLimit)
	d.Text = "attached"
	if l, err := e.api.Warnings(e.ctx, d); err != nil || len(l) != 1 {
		t.Errorf("%v, %v", l, err)
	}
}

// Who has pasted what no program can take apart is told so.
func TestDraftNested(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	d := letterTo("x@remote.example")
	d.Rich, d.HTML = true, strings.Repeat("<div>", 10_000)+"x"
	_, err := e.api.DraftSave(e.ctx, d)
	wantCode(t, err, codeLimit)
	d.HTML = strings.Repeat("<div>", 100) + "x"
	if _, err := e.api.DraftSave(e.ctx, d); err != nil {
		t.Error(err)
	}
}
