package webmail

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestSettingsAreKept(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	st, err := e.api.Settings(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultSettings()
	if !reflect.DeepEqual(st, want) {
		t.Errorf("defaults %+v", st)
	}
	stale := st
	st.Theme, st.Threads, st.UndoSeconds, st.Signatures = "dark", false, 0, []Signature{{Address: "ann@example.org", HTML: "<b>x</b>"}}
	saved, err := e.api.SettingsSave(e.ctx, st)
	if err != nil || saved.ModSeq <= st.ModSeq {
		t.Fatalf("saved %+v, %v", saved, err)
	}
	if got, err := e.api.Settings(e.ctx); err != nil || !reflect.DeepEqual(got, saved) || got.Theme != "dark" || got.Threads || got.UndoSeconds != 0 {
		t.Errorf("settings %+v, %v, saved %+v", got, err, saved)
	}
	// Nothing that somebody else saved is written over.
	stale.Theme = "light"
	_, err = e.api.SettingsSave(e.ctx, stale)
	wantCode(t, err, codeChanged)
	saved.Theme = ""
	if _, err := e.api.SettingsSave(e.ctx, saved); err != nil {
		t.Error(err)
	}
	// Those of others are theirs.
	bob, _, _ := e.logIn("bob")
	if got, err := e.api.Settings(bob); err != nil || len(got.Signatures) != 0 || got.ModSeq != 0 {
		t.Errorf("settings of another %+v, %v", got, err)
	}
}

func TestSettingsOutOfBounds(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	saved, err := e.api.SettingsSave(e.ctx, Settings{
		Theme: "pink", Density: "x", Pane: "above", AfterAction: "quit", Keys: "vi", Remote: "always", SwipeRight: "expunge", SwipeLeft: "rm -rf", Sort: "color",
		SidebarWidth: 1, ListWidth: 10000, ListHeight: -5, UndoSeconds: 100000, ManyRecipients: -1, MarkSeenAfter: -7,
		Labels: []Label{{Keyword: "x", Color: 77}}, MailboxColors: []MailboxColor{{1, -3}}, SavedSearches: []SavedSearch{{"x", Query{Scope: "galaxy", Sort: "smell"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := defaultSettings()
	got := []any{saved.Theme, saved.Density, saved.Pane, saved.AfterAction, saved.Keys, saved.Remote, saved.SwipeRight, saved.SwipeLeft, saved.Sort,
		saved.SidebarWidth, saved.ListWidth, saved.ListHeight, saved.UndoSeconds, saved.ManyRecipients, saved.MarkSeenAfter, saved.Labels[0].Color, saved.MailboxColors[0].Color, saved.SavedSearches[0].Query.Scope, saved.SavedSearches[0].Query.Sort}
	want := []any{d.Theme, d.Density, d.Pane, d.AfterAction, d.Keys, d.Remote, d.SwipeRight, d.SwipeLeft, d.Sort,
		200, 900, 100, maxHold, 0, -1, 9, 1, ScopeNormal, SortDate}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("settings %v, want %v", got, want)
	}
	for _, c := range []struct {
		name string
		st   Settings
	}{
		{"many labels", Settings{Labels: make([]Label, maxListed+1)}},
		{"many senders", Settings{RemoteSenders: make([]string, maxListed+1)}},
		{"long signature", Settings{Signatures: []Signature{{HTML: strings.Repeat("x", maxSignature+1)}}}},
		{"long names", Settings{Labels: []Label{{Name: strings.Repeat("x", maxSettings)}}}},
	} {
		c.st.ModSeq = saved.ModSeq
		_, err := e.api.SettingsSave(e.ctx, c.st)
		if err == nil {
			t.Errorf("%s was saved", c.name)
			continue
		}
		wantCode(t, err, codeLimit)
	}
}

// What a later version has written is no reason to fail.
func TestSettingsOfOtherVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, theme string }{
		{`{"Theme":"dark","Hologram":true}`, "dark"}, {`{"Theme":["dark"]}`, ""}, {`{"Theme":"neon"}`, ""}, {`not json`, ""}, {`null`, ""}, {``, ""},
	} {
		e := newEnv(t)
		if _, err := e.acc.SetSetting(e.ctx, e.session.Actor(), settingName, []byte(c.value), 0); err != nil {
			t.Fatal(err)
		}
		st, err := e.api.Settings(e.ctx)
		if err != nil || st.Theme != c.theme || st.Density != "comfortable" || st.ModSeq == 0 {
			t.Errorf("%s: %+v, %v", c.value, st, err)
		}
		if _, err := e.api.SettingsSave(e.ctx, st); err != nil {
			t.Errorf("%s: %v", c.value, err)
		}
	}
}

func TestSendersOfSettings(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i := range maxListed + 5 {
		if i > 3 && i < maxListed {
			continue
		}
		if _, err := e.api.AllowRemote(e.ctx, fmt.Sprintf("s%d@example.com", i), true); err != nil {
			t.Fatal(err)
		}
	}
	st, err := e.api.AllowRemote(e.ctx, "S1@Example.com", true)
	if err != nil || len(st.RemoteSenders) != 9 || st.RemoteSenders[8] != "S1@Example.com" {
		t.Errorf("allowed %q, %v", st.RemoteSenders, err)
	}
	if st, err = e.api.AllowRemote(e.ctx, "s1@example.com", false); err != nil || len(st.RemoteSenders) != 8 {
		t.Errorf("allowed %q, %v", st.RemoteSenders, err)
	}
	for _, kind := range []BodyKind{BodyText, BodyHTML} {
		if err := e.api.ShowBody(e.ctx, "s1@example.com", kind); err != nil {
			t.Error(err)
		}
	}
	wantCode(t, e.api.ShowBody(e.ctx, "s1@example.com", "audio"), codeBad)
	if st, err = e.api.Settings(e.ctx); err != nil || !reflect.DeepEqual(st.TextSenders, []NameValue{{"s1@example.com", "html"}}) {
		t.Errorf("forms of text %v, %v", st.TextSenders, err)
	}
	if l := latest(make([]int, maxListed), 7); len(l) != maxListed || l[maxListed-1] != 7 {
		t.Errorf("%d entries", len(l))
	}
}
