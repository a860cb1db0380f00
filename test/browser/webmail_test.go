package browser

import (
	"flag"
	"testing"
)

// screenshots has pictures of the webmail made for the documentation.
var screenshots = flag.Bool("screenshots", false, "make the pictures in docs/screenshots")

// mailSite is a server with webmail, that tests share, each with its own account.
type mailSite struct {
	*server
	browser *browser
	users   map[string]*mailUser
}

// The webmail, by its features. Each test has an account of its own.
func TestWebmail(t *testing.T) {
	t.Parallel()
	// Hosts with images may be on this machine.
	s := startServerWith(t, "Outgoing:\n\tAllowNetworks:\n\t\t- 127.0.0.0/8\n", "", "", nil)
	m := &mailSite{server: s, browser: startBrowser(t, s, certificate{})}
	tests := map[string]func(t *testing.T, m *mailSite, u *mailUser){
		"list": testMailList, "selection": testMailSelection, "actions": testMailActions, "whole": testMailWhole, "search": testMailSearch,
		"mailboxes": testMailMailboxes, "labels": testMailLabels, "settings": testMailSettings, "sessions": testMailSessions, "transfer": testMailTransfer, "notices": testMailNotices,
		"keys": testMailKeys, "phone": testMailPhone, "reading": testMailReading, "attachments": testMailAttachments,
		"composing": testMailComposing, "answers": testMailAnswers, "later": testMailLater, "keyboard": testMailKeyboard,
		"scopes": testMailScopes, "phonesearch": testMailPhoneSearch, "rows": testMailRows, "found": testMailFound, "tab": testMailTab, "passing": testMailPassing,
		"look": testMailLook, "reflow": testMailReflow, "pictures": testMailPictures,
		"waiting": testMailWaiting, "drafts": testMailDrafts, "unsubscribe": testMailUnsubscribe, "motion": testMailMotion, "forced": testMailForced,
		"reschedule": testMailReschedule, "uploads": testMailUploads, "panes": testMailPanes, "quota": testMailQuota, "media": testMailMedia, "opening": testMailOpening,
	}
	names := []string{"friend", "nora"}
	for name := range tests {
		names = append(names, name)
	}
	m.users = s.users(names...)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m, m.users[name])
		})
	}
}
