package webmail

import (
	"context"
	"slices"
	"strings"
)

// Settings returns the settings.
func (a API) Settings(ctx context.Context) (_ Settings, rerr error) {
	defer a.s.tell(ctx, "Settings", &rerr)
	acc, _, err := a.s.open(ctx)
	if err != nil {
		return Settings{}, err
	}
	defer acc.Close()
	return settings(ctx, acc)
}

// SettingsSave saves settings. If somebody else saved since settings.ModSeq, the code of the error is "user:changed".
func (a API) SettingsSave(ctx context.Context, settings Settings) (_ Settings, rerr error) {
	defer a.s.tell(ctx, "SettingsSave", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return Settings{}, err
	}
	defer acc.Close()
	return saveSettings(ctx, acc, actor, settings)
}

// AllowRemote has remote images of a sender be loaded from now on, or not any more.
func (a API) AllowRemote(ctx context.Context, address string, allow bool) (_ Settings, rerr error) {
	defer a.s.tell(ctx, "AllowRemote", &rerr)
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return Settings{}, err
	}
	defer acc.Close()
	if allow && !isSender(address) {
		return Settings{}, errUser(codeBad, "This is not an address.")
	}
	return changeSettings(ctx, acc, actor, func(st *Settings) {
		st.RemoteSenders = slices.DeleteFunc(st.RemoteSenders, func(s string) bool { return strings.EqualFold(s, address) })
		if allow {
			st.RemoteSenders = latest(st.RemoteSenders, address)
		}
	})
}

// ShowBody remembers how the text of mail of a sender is shown.
func (a API) ShowBody(ctx context.Context, address string, body BodyKind) (rerr error) {
	defer a.s.tell(ctx, "ShowBody", &rerr)
	if body != BodyHTML && body != BodyText {
		return errUser(codeBad, "There is no such form of a text.")
	}
	if !isSender(address) {
		return errUser(codeBad, "This is not an address.")
	}
	acc, actor, err := a.s.open(ctx)
	if err != nil {
		return err
	}
	defer acc.Close()
	_, err = changeSettings(ctx, acc, actor, func(st *Settings) {
		st.TextSenders = slices.DeleteFunc(st.TextSenders, func(v NameValue) bool { return strings.EqualFold(v.Name, address) })
		st.TextSenders = latest(st.TextSenders, NameValue{address, string(body)})
	})
	return err
}

// isSender tells whether a text may be the address in From of a message, which need not be a good one. Larger ones would in time
// leave no room for other settings.
func isSender(address string) bool {
	return len(address) <= 1000 && strings.Contains(address, "@")
}

// latest adds a value to a list that users do not see the end of; the oldest one makes room.
func latest[T any](l []T, v T) []T {
	if len(l) >= maxListed {
		l = l[len(l)-maxListed+1:]
	}
	return append(l, v)
}

// EventTypes does nothing. It makes the types of events known to the generator.
func (a API) EventTypes(ctx context.Context) (start Start, hello HelloEvent, view ViewEvent, account AccountEvent, thread ThreadEvent, news NewEvent, progress ProgressEvent, submission SubmissionEvent, rerr error) {
	return start, hello, view, account, thread, news, progress, submission, nil
}
