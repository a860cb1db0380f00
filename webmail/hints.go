package webmail

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"mox/config"
	"mox/message"
	"mox/message/htmlmail"
	"mox/smtp"
)

// maxHintItems bounds Hint.Items, and hintItem each of them, in bytes.
const (
	maxHintItems = 10
	hintItem     = 200
)

func newHint(kind HintKind, level Level, text string, items ...string) Hint {
	h := Hint{Kind: kind, Level: level, Text: text}
	for _, item := range items {
		if item = cutText(item, hintItem); item != "" && !slices.Contains(h.Items, item) && len(h.Items) < maxHintItems {
			h.Items = append(h.Items, item)
		}
	}
	return h
}

// hinter finds what a reader should know about a message.
type hinter struct {
	sanitizer *htmlmail.Sanitizer
	cfg       *config.Config
	account   string
	subject   *subject
	letter    *letter
	doc       *document
	listPost  string
}

// hints returns the hints of a message, but for what takes long to find out.
func (h *hinter) hints(files []leaf) []Hint {
	var l []Hint
	if !h.subject.mine {
		l = append(l, h.scripts()...)
		l = append(l, h.names()...)
		l = append(l, h.links()...)
		l = append(l, h.replyTo()...)
	}
	return append(l, h.files(files)...)
}

// scripts looks for words that mix letters of scripts which look alike.
func (h *hinter) scripts() []Hint {
	words := slices.Clone(h.doc.Mixed)
	env := h.letter.envelope
	var b strings.Builder
	b.WriteString(env.Subject)
	for _, a := range slices.Concat(env.From[:min(len(env.From), 10)], env.ReplyTo[:min(len(env.ReplyTo), 10)]) {
		b.WriteString("\n\n" + a.Name + "\n\n" + a.User + "\n\n" + unicodeDomain(a.Host))
	}
	if text := b.String(); !isASCII(text) {
		words = append(h.sanitizer.FromText(cutText(text, 8<<10), htmlmail.TextOptions{}).Mixed, words...)
	}
	if len(words) == 0 {
		return nil
	}
	return []Hint{newHint(HintScripts, LevelWarn, "Some words mix letters of different scripts that look alike.", words...)}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// names looks whether the name of a sender passes for an address.
func (h *hinter) names() []Hint {
	var l []Hint
	for _, a := range h.letter.envelope.From[:min(len(h.letter.envelope.From), 10)] {
		address := a.Addr()
		if other := addressIn(a.Name); other != "" && !strings.EqualFold(other, address) {
			level := LevelWarn
			if owner(domainOf(other)) != owner(domainOf(address)) {
				level = LevelBad
			}
			l = append(l, newHint(HintName, level, "The sender's name is an address, but another one than it was sent from.", other, address))
		}
		if acc := h.cfg.Account(h.account); acc != nil && len(acc.FullName) > 3 && sameName(a.Name, acc.FullName) && !isOwn(h.cfg, h.account, address) {
			l = append(l, newHint(HintName, LevelWarn, "The sender has your name, but not an address of yours.", a.Name, address))
		}
	}
	if len(h.letter.envelope.From) > 1 {
		l = append(l, newHint(HintName, LevelWarn, "It says to be from several people at once."))
	}
	return l
}

// addressIn returns the address that a name holds, or "".
func addressIn(name string) string {
	if !strings.Contains(name, "@") {
		return ""
	}
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("<>()[]\"',;:|", r) }) {
		if a, err := smtp.ParseAddress(strings.TrimRight(word, ".")); err == nil && strings.Contains(a.Domain.ASCII, ".") {
			return a.String()
		}
	}
	return ""
}

// domainOf returns the domain of an address, in lower case and ASCII.
func domainOf(address string) string {
	return asciiDomain(address[strings.LastIndexByte(address, '@')+1:])
}

// sameName tells whether two names are the same to people.
func sameName(a, b string) bool {
	fold := func(s string) string {
		l := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		slices.Sort(l) // "Doe, Joe" is "Joe Doe".
		return strings.Join(l, " ")
	}
	return fold(a) != "" && fold(a) == fold(b)
}

// links looks for those that lead elsewhere than they seem to.
func (h *hinter) links() []Hint {
	var items []string
	level := LevelWarn
	for _, l := range h.doc.Links {
		if !l.Suspicious() {
			continue
		}
		what := l.TextHost
		if l.Lookalike != "" || l.Userinfo {
			level = LevelBad
			what = l.Lookalike
		}
		if what == "" {
			what = l.Text
		}
		items = append(items, strings.Join(strings.Fields(cutText(what, 80)), " ")+" → "+cutText(l.Host, 100))
	}
	if len(items) == 0 {
		return nil
	}
	text := "Links lead elsewhere than their text says."
	if level == LevelBad {
		text = "Links seem to lead where they do not."
	}
	return []Hint{newHint(HintLinks, level, text, items...)}
}

// replyTo looks whether answers go to another domain.
func (h *hinter) replyTo() []Hint {
	env := h.letter.envelope
	var items []string
	for _, a := range env.ReplyTo {
		address := a.Addr()
		if address == "" || strings.EqualFold(address, h.listPost) || slices.ContainsFunc(env.From, func(f message.Address) bool { return owner(asciiDomain(f.Host)) == owner(asciiDomain(a.Host)) }) {
			continue
		}
		items = append(items, address)
	}
	if len(items) == 0 {
		return nil
	}
	level := LevelInfo
	if h.subject.verdict().Level == LevelBad || freeMail(env.ReplyTo) {
		level = LevelWarn
	}
	return []Hint{newHint(HintReplyTo, level, "Answers go to another domain than it was sent from.", items...)}
}

// freeMail tells whether one of the addresses can be had by anybody, as those have to which money is to be sent.
func freeMail(l []message.Address) bool {
	return slices.ContainsFunc(l, func(a message.Address) bool {
		switch strings.ToLower(a.Host) {
		case "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "aol.com", "gmx.com", "gmx.net", "gmx.de",
			"mail.com", "mail.ru", "yandex.com", "yandex.ru", "proton.me", "protonmail.com", "icloud.com", "web.de", "163.com", "qq.com":
			return true
		}
		return false
	})
}

// files looks for kinds that can do harm.
func (h *hinter) files(files []leaf) []Hint {
	var programs, documents, disguised []string
	for _, f := range files {
		name := f.part.Filename()
		shown := partFileName(f)
		switch kind := harmOf(shown, f.part.MediaType()); {
		case kind == LevelBad:
			programs = append(programs, shown)
		case kind == LevelWarn:
			documents = append(documents, shown)
		}
		if disguises(name) {
			disguised = append(disguised, shown)
		}
	}
	var l []Hint
	if len(disguised) > 0 {
		l = append(l, newHint(HintAttachment, LevelBad, "The name of a file hides what it is.", disguised...))
	}
	if len(programs) > 0 {
		l = append(l, newHint(HintAttachment, LevelBad, "A file can run as a program when it is opened.", programs...))
	}
	if len(documents) > 0 {
		l = append(l, newHint(HintAttachment, LevelWarn, "A file can hold programs or lead to other sites when it is opened.", documents...))
	}
	return l
}

// harmOf tells how much harm a file can do, by its name and type: LevelBad for programs, LevelWarn for what may hold some,
// or LevelOK.
func harmOf(name, mediaType string) Level {
	switch strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) {
	case "exe", "scr", "com", "bat", "cmd", "pif", "cpl", "dll", "sys", "ocx", "msi", "msp", "mst", "msix", "appx", "application", "gadget",
		"js", "jse", "vbs", "vbe", "vb", "wsf", "wsh", "wsc", "sct", "hta", "ps1", "psm1", "psc1", "ps1xml", "reg", "inf", "scf", "lnk", "url", "desktop", "website",
		"jar", "jnlp", "chm", "hlp", "mhtml", "mht", "xll", "xlam", "ppam", "wll", "msc", "diagcab", "settingcontent-ms", "library-ms", "search-ms", "theme", "themepack",
		"iso", "img", "vhd", "vhdx", "udf", "dmg", "pkg", "app", "command", "workflow", "apk", "xapk", "appimage", "action", "terminal", "ade", "adp", "mde", "mdb", "one", "onepkg", "rdp", "slk", "iqy", "pyw", "pyz":
		return LevelBad
	case "html", "htm", "xhtml", "shtml", "xht", "svg", "svgz", "docm", "dotm", "xlsm", "xltm", "xlsb", "pptm", "potm", "ppsm", "sldm", "odc",
		"cab", "ace", "arj", "lzh", "wim", "swf", "deb", "rpm", "run", "sh", "bash", "py", "pl", "rb":
		return LevelWarn
	}
	switch mediaType {
	case "application/x-msdownload", "application/x-msdos-program", "application/x-dosexec", "application/vnd.microsoft.portable-executable",
		"application/x-ms-installer", "application/hta", "application/java-archive", "application/vnd.android.package-archive", "application/x-sh", "application/x-ms-shortcut":
		return LevelBad
	case "text/html", "image/svg+xml", "application/xhtml+xml":
		return LevelWarn
	}
	return LevelOK
}

// disguises tells whether the name of a file is made to look like another one: by characters that change the direction
// of text, by much space before its end, or by an end as documents have before that of a program.
func disguises(name string) bool {
	if strings.ContainsFunc(name, func(r rune) bool {
		return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f
	}) {
		return true
	}
	if strings.Contains(name, "          ") {
		return true
	}
	if harmOf(name, "") != LevelBad {
		return false
	}
	switch strings.ToLower(path.Ext(strings.TrimSuffix(name, path.Ext(name)))) {
	case ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".txt", ".jpg", ".jpeg", ".png", ".gif", ".zip", ".mp3", ".mp4", ".html", ".htm", ".csv", ".rtf", ".odt":
		return true
	}
	return false
}

// incomplete returns a hint for what is not shown of a message. Cut tells that parts are not listed.
func incomplete(doc *document, cut bool) []Hint {
	switch {
	case doc.Exceeded.Has(htmlmail.ExceededInput):
		return []Hint{newHint(HintIncomplete, LevelInfo, "The message is long. Only its beginning is shown.", "text")}
	case doc.Exceeded.Has(htmlmail.ExceededStructure):
		return []Hint{newHint(HintIncomplete, LevelInfo, "The message means different things to different programs. Only its text is shown.")}
	case doc.Exceeded&^htmlmail.ExceededMarks != 0: // Pages see that for themselves, also in what they ask for later.
		return []Hint{newHint(HintIncomplete, LevelInfo, "The message is more complicated than what can be shown. Some of how it looks is missing.")}
	case cut:
		return []Hint{newHint(HintIncomplete, LevelInfo, "The message has more parts, or deeper ones, than can be listed. Its source has all.")}
	}
	return nil
}
