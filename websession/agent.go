package websession

import "strings"

// known is a piece of a User-Agent field and what people call what says so.
type known struct{ mark, name string }

// browsers are looked for in this order: most say that they are others, too.
var browsers = []known{
	{"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
	{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"},
}

// systems likewise.
var systems = []known{
	{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
	{"Macintosh", "macOS"}, {"Linux", "Linux"}, {"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"},
}

// maxAgent bounds what is shown of a program that is not known, in bytes.
const maxAgent = 40

// describeAgent makes a User-Agent field (RFC 9110 §10.1.5) short enough for a list, such as "Firefox 150 on Linux". It returns
// printable ASCII only.
func describeAgent(field string) string {
	browser := ""
	for _, b := range browsers {
		_, rest, ok := strings.Cut(field, b.mark)
		if !ok {
			continue
		}
		browser = b.name
		if n := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' }); n > 0 && n <= 5 {
			browser += " " + rest[:n]
		} else if n < 0 && rest != "" && len(rest) <= 5 {
			browser += " " + rest
		}
		break
	}
	if browser == "" {
		return plainAgent(field)
	}
	for _, s := range systems {
		if strings.Contains(field, s.mark) {
			return browser + " on " + s.name
		}
	}
	return browser
}

// plainAgent returns the first product of a field.
func plainAgent(field string) string {
	product := strings.TrimSpace(field)
	if i := strings.IndexAny(product, " \t\r\n"); i >= 0 {
		product = product[:i]
	}
	product = strings.Map(func(c rune) rune {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune("<>&\"'`", c) {
			return -1
		}
		return c
	}, product)
	return product[:min(len(product), maxAgent)]
}
