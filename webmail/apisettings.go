package webmail

import "context"

// Settings returns the settings.
func (a API) Settings(ctx context.Context) (Settings, error) { return Settings{}, errMissing }

// SettingsSave saves settings. If somebody else saved since settings.ModSeq, the code of the error is "user:changed".
func (a API) SettingsSave(ctx context.Context, settings Settings) (Settings, error) {
	return Settings{}, errMissing
}

// AllowRemote has remote images of a sender be loaded from now on, or not any more.
func (a API) AllowRemote(ctx context.Context, address string, allow bool) (Settings, error) {
	return Settings{}, errMissing
}

// ShowBody remembers how the text of mail of a sender is shown.
func (a API) ShowBody(ctx context.Context, address string, body BodyKind) error { return errMissing }

// EventTypes does nothing. It makes the types of events known to the generator.
func (a API) EventTypes(ctx context.Context) (start Start, hello HelloEvent, view ViewEvent, account AccountEvent, thread ThreadEvent, news NewEvent, progress ProgressEvent, submission SubmissionEvent, rerr error) {
	return start, hello, view, account, thread, news, progress, submission, nil
}
