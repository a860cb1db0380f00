package webmail

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"mox/imap"
	"mox/store"
)

// settingName is under which the account keeps Settings, as JSON.
const settingName = "webmail"

// Bounds of settings, so that a page cannot fill the account with them.
const (
	maxListed    = 1000     // Entries of each list.
	maxSignature = 32 << 10 // Bytes of each form of a signature.
	maxSettings  = 1 << 20  // Bytes of all, in JSON.
)

// defaultSettings are those of a user who has chosen nothing.
func defaultSettings() Settings {
	return Settings{
		Density: "comfortable", Pane: "right", Threads: true, Sort: SortDate, AfterAction: "next", Keys: "mox",
		Remote: "ask", UndoSeconds: 10, ManyRecipients: 20, RequireTLSAuto: false,
		SwipeRight: string(ActArchive), SwipeLeft: string(ActTrash),
	}
}

// settings returns the settings of an account.
func settings(ctx context.Context, acc *store.Account) (Settings, error) {
	value, modseq, err := acc.Setting(ctx, settingName)
	if err != nil {
		return Settings{}, err
	}
	st := defaultSettings()
	if value != nil {
		// What a later version has written, and this one does not understand, is as if it were not there.
		if err := json.Unmarshal(value, &st); err != nil {
			st = defaultSettings()
		}
	}
	st.ModSeq = int64(modseq)
	return st.normal(), nil
}

// choices are what fields of Settings may be, the default first.
func (st *Settings) choices() map[*string][]string {
	swipes := func(first ActionKind) []string {
		return []string{string(first), "", string(ActArchive), string(ActTrash), string(ActJunk), string(ActRead), string(ActFlag), string(ActMove), string(ActLabel)}
	}
	return map[*string][]string{
		&st.Theme:       {"", "light", "dark"},
		&st.Density:     {"comfortable", "compact", "cosy"},
		&st.Pane:        {"right", "below", "none"},
		&st.AfterAction: {"next", "previous", "list"},
		&st.Keys:        {"mox", "gmail", "off"},
		&st.Remote:      {"ask", "never", "contacts"},
		&st.SwipeRight:  swipes(ActArchive),
		&st.SwipeLeft:   swipes(ActTrash),
	}
}

// normal returns settings with what makes no sense replaced by the default.
func (st Settings) normal() Settings {
	for field, choices := range st.choices() {
		if !slices.Contains(choices, *field) {
			*field = choices[0]
		}
	}
	if !slices.Contains([]Sort{SortDate, SortSize, SortFrom, SortSubject}, st.Sort) {
		st.Sort = SortDate
	}
	st.SidebarWidth = bounded(st.SidebarWidth, 200, 320)
	st.ListWidth = bounded(st.ListWidth, 100, 900)
	st.ListHeight = bounded(st.ListHeight, 100, 900)
	st.UndoSeconds = min(max(st.UndoSeconds, 0), maxHold)
	st.ManyRecipients = max(st.ManyRecipients, 0)
	st.MarkSeenAfter = min(max(st.MarkSeenAfter, -1), 60)
	for i := range st.Labels {
		st.Labels[i].Color = bounded(st.Labels[i].Color, 1, 9)
	}
	for i := range st.MailboxColors {
		st.MailboxColors[i].Color = bounded(st.MailboxColors[i].Color, 1, 9)
	}
	for i := range st.SavedSearches {
		st.SavedSearches[i].Query = st.SavedSearches[i].Query.normal()
	}
	return st
}

// normal returns a query with values that there are.
func (q Query) normal() Query {
	if !slices.Contains([]Scope{ScopeMailbox, ScopeChildren, ScopeNormal, ScopeAll}, q.Scope) {
		q.Scope = ScopeNormal
	}
	if !slices.Contains([]Sort{SortDate, SortSize, SortFrom, SortSubject}, q.Sort) {
		q.Sort = SortDate
	}
	return q
}

// bounded returns n within bounds; zero stays, for the default.
func bounded(n, low, high int) int {
	if n == 0 {
		return 0
	}
	return min(max(n, low), high)
}

// check returns an error for settings that are too large to keep.
func (st *Settings) check() error {
	for _, n := range []int{
		len(st.CollapsedMailboxes), len(st.MailboxColors), len(st.Remapped), len(st.RemoteSenders), len(st.TextSenders), len(st.Signatures), len(st.Labels), len(st.SavedSearches),
	} {
		if n > maxListed {
			return errUser(codeLimit, "There are more than %d entries in a list of settings.", maxListed)
		}
	}
	for _, sig := range st.Signatures {
		if len(sig.HTML) > maxSignature || len(sig.Text) > maxSignature {
			return errUser(codeLimit, "A signature is too long.")
		}
	}
	return nil
}

// saveSettings writes settings if nobody has since they were read.
func saveSettings(ctx context.Context, acc *store.Account, actor store.Actor, st Settings) (Settings, error) {
	if err := st.check(); err != nil {
		return Settings{}, err
	}
	st = st.normal()
	read := st.ModSeq
	st.ModSeq = 0
	value, err := json.Marshal(st)
	if err != nil {
		return Settings{}, err
	}
	if len(value) > maxSettings {
		return Settings{}, errUser(codeLimit, "There is more in the settings than %d MB.", maxSettings>>20)
	}
	modseq, err := acc.SetSetting(ctx, actor, settingName, value, imap.ModSeq(read))
	if errors.Is(err, store.ErrSettingChanged) {
		return Settings{}, errUser(codeChanged, "The settings have been changed elsewhere.")
	} else if err != nil {
		return Settings{}, err
	}
	st.ModSeq = int64(modseq)
	return st, nil
}

// changeSettings changes settings, again if somebody else does at the same time.
func changeSettings(ctx context.Context, acc *store.Account, actor store.Actor, change func(*Settings)) (Settings, error) {
	for {
		st, err := settings(ctx, acc)
		if err != nil {
			return Settings{}, err
		}
		change(&st)
		saved, err := saveSettings(ctx, acc, actor, st)
		if !isCode(err, codeChanged) {
			return saved, err
		}
	}
}

// replaceMailbox has what is said of a mailbox said of another one. It tells whether there was any.
func (st *Settings) replaceMailbox(id, other int64) (changed bool) {
	for i := range st.CollapsedMailboxes {
		if st.CollapsedMailboxes[i] == id {
			st.CollapsedMailboxes[i], changed = other, true
		}
	}
	for i := range st.MailboxColors {
		if st.MailboxColors[i].Mailbox == id {
			st.MailboxColors[i].Mailbox, changed = other, true
		}
	}
	return changed
}

// signature returns what messages from an address end with.
func (st *Settings) signature(address string) Signature {
	var found Signature
	for _, sig := range st.Signatures {
		if strings.EqualFold(sig.Address, address) {
			return sig
		}
		if sig.Address == "" {
			found = sig
		}
	}
	return found
}
