package htmlmail

import (
	"strings"
	"testing"
)

func BenchmarkSanitizeReal(b *testing.B) {
	parts := htmlParts(b)
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	s := New(Limits{})
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range parts {
			s.Sanitize(p, Options{FoldQuotes: true})
		}
	}
	b.ReportMetric(float64(b.N*len(parts))/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkSanitizeNewsletter(b *testing.B) {
	input := newsletter(200)
	s := New(Limits{})
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		s.Sanitize(input, Options{})
	}
}

// newsletter returns markup as programs for bulk mail write it.
func newsletter(rows int) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html><head><style>@media only screen and (max-width:600px){.col{width:100%!important}}
a{color:#1257b0} .btn:hover{opacity:.8}</style></head><body style="margin:0;padding:0" bgcolor="#ffffff"><table width="600" align="center" cellpadding="0" cellspacing="0" border="0">`)
	for range rows {
		b.WriteString(`<tr><td class="col" style="font-family:Arial,'Helvetica Neue',sans-serif;font-size:14px;line-height:20px;color:#333333;padding:10px 20px 10px 20px" valign="top">
<a href="https://click.example.org/?u=1&amp;v=2" style="text-decoration:none"><img src="https://img.example.org/a.png" width="200" height="100" border="0" alt="Offer" style="display:block"></a>
<p style="margin:0 0 10px 0">Some words about the <b>offer</b> of this week, in a few lines of text.</p></td></tr>`)
	}
	b.WriteString("</table></body></html>")
	return b.String()
}

func BenchmarkFromText(b *testing.B) {
	input := strings.Repeat("> Some words and https://example.org/path in a line\nof text that goes on, by joe@example.org.\n", 500)
	s := New(Limits{})
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		s.FromText(input, TextOptions{Options: Options{FoldQuotes: true}})
	}
}

func BenchmarkToText(b *testing.B) {
	input := newsletter(200)
	s := New(Limits{})
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		s.ToText(input)
	}
}
