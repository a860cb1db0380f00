package webmail

// API is what pages ask of the server. Errors have codes that begin with "user:" for what a user can do
// something about, and "server:" for others.
type API struct {
	s *Server
}

// functions returns what pages can call, by name: all of API but EventTypes, which only tells the types of events. A method of API
// would be described as one of them.
func functions(a API) map[string]any {
	return map[string]any{
		"Act":               a.Act,
		"Undo":              a.Undo,
		"ActionCancel":      a.ActionCancel,
		"Compose":           a.Compose,
		"DraftSave":         a.DraftSave,
		"DraftDiscard":      a.DraftDiscard,
		"Warnings":          a.Warnings,
		"Send":              a.Send,
		"SendUndo":          a.SendUndo,
		"SendNow":           a.SendNow,
		"Reschedule":        a.Reschedule,
		"Scheduled":         a.Scheduled,
		"Recipients":        a.Recipients,
		"RecipientForget":   a.RecipientForget,
		"RecipientSecurity": a.RecipientSecurity,
		"MailboxCreate":     a.MailboxCreate,
		"MailboxRename":     a.MailboxRename,
		"MailboxDelete":     a.MailboxDelete,
		"MailboxEmpty":      a.MailboxEmpty,
		"MailboxRole":       a.MailboxRole,
		"Thread":            a.Thread,
		"Find":              a.Find,
		"Message":           a.Message,
		"Hints":             a.Hints,
		"Headers":           a.Headers,
		"Unsubscribe":       a.Unsubscribe,
		"Settings":          a.Settings,
		"SettingsSave":      a.SettingsSave,
		"AllowRemote":       a.AllowRemote,
		"ShowBody":          a.ShowBody,
		"ViewOpen":          a.ViewOpen,
		"ViewRange":         a.ViewRange,
		"ViewClose":         a.ViewClose,
		"ViewStep":          a.ViewStep,
		"SearchTerms":       a.SearchTerms,
	}
}
