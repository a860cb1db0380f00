package static

import (
	"bytes"
	"fmt"
	"html"
)

// html returns the page of a listing.
func (l *listing) html() []byte {
	var b bytes.Buffer
	e := html.EscapeString
	fmt.Fprintf(&b, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Index of %s</title>
<style>%s</style>
</head>
<body>
<main>
<h1>Index of <span class="path">%s</span></h1>
`, e(l.Path), listingStyle, e(l.Path))
	if len(l.Parents) > 1 {
		b.WriteString(`<nav aria-label="Directories above">` + "\n<ol>")
		for _, p := range l.Parents {
			if p.URL != "" {
				fmt.Fprintf(&b, "\n<li><a href=\"%s\">%s</a></li>", e(p.URL), e(p.Name))
			} else {
				fmt.Fprintf(&b, "\n<li><span aria-current=\"page\">%s</span></li>", e(p.Name))
			}
		}
		b.WriteString("\n</ol>\n</nav>\n")
	}
	if len(l.Entries) == 0 {
		b.WriteString("<p>This directory is empty.</p>")
	} else {
		l.writeTable(&b)
	}
	b.WriteString("\n</main>\n</body>\n</html>\n")
	return b.Bytes()
}

func (l *listing) writeTable(b *bytes.Buffer) {
	e := html.EscapeString
	fmt.Fprintf(b, "<table>\n<caption>%s. Times are in UTC.</caption>\n<thead>\n<tr>", l.summary())
	for _, c := range l.Columns {
		sort := ""
		if c.Sort != "" {
			sort = ` aria-sort="` + c.Sort + `"`
		}
		fmt.Fprintf(b, "\n<th scope=\"col\"%s><a href=\"%s\">%s<span class=\"unseen\">, %s</span></a></th>", sort, e(c.URL), c.Name, c.Next)
	}
	b.WriteString("\n</tr>\n</thead>\n<tbody>")
	for _, f := range l.Entries {
		size := `<span class="unseen">directory</span>`
		if !f.Dir {
			size = fmt.Sprintf(`<data value="%d" title="%d bytes">%s</data>`, f.Bytes, f.Bytes, f.Size)
		}
		fmt.Fprintf(b, `
<tr><th scope="row"><a href="%s">%s</a></th><td>%s</td><td><time datetime="%s" title="%s %s">%s<span class="clock"> %s</span></time></td></tr>`,
			e(f.URL), e(f.Name), size, f.DateTime, f.Date, f.Clock, f.Date, f.Clock)
	}
	b.WriteString("\n</tbody>\n</table>")
}

// summary says in words how much there is.
func (l *listing) summary() string {
	dirs := 0
	for _, e := range l.Entries {
		if e.Dir {
			dirs++
		}
	}
	files := len(l.Entries) - dirs
	var s string
	if dirs > 0 {
		s = counted(dirs, "directory", "directories")
		if files > 0 {
			s += ", "
		}
	}
	if files > 0 {
		s += counted(files, "file", "files")
	}
	if l.Truncated {
		s += fmt.Sprintf("; only %d entries are shown", len(l.Entries))
	}
	return s
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
