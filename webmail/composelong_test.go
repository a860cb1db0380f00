package webmail

import (
	"fmt"
	"strings"
	"testing"
)

// longLines is a text of short lines, some of which are empty.
func longLines(bytes int) string {
	var b strings.Builder
	for i := 0; b.Len() < bytes; i++ {
		fmt.Fprintf(&b, "line %d\n%s", i, strings.Repeat("\n", i%7/6))
	}
	return b.String()
}

// Not all of a long text is in a draft, and that is told: an answer says so, and what is passed on goes along as it was.
func TestComposeLong(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	head := "From: bob@example.com\nTo: ann@example.org\nSubject: long\nContent-Type: "
	html := "<p>" + strings.ReplaceAll(longLines(maxQuoted+1000), "\n", "<br>")
	unbroken := strings.Repeat("слово word ", maxQuotedLine/8)
	for _, c := range []struct {
		name, message string
		cut           bool
	}{
		{"short", head + "text/plain\n\n" + longLines(1000), false},
		{"long", head + "text/plain\n\n" + longLines(maxQuoted+1000), true},
		{"just not long", head + "text/plain\n\n" + longLines(maxQuoted*3/4), false},
		{"long HTML", head + "text/html\n\n" + html, true},
		{"a long line", head + "text/plain; charset=utf-8\n\n" + unbroken, false},
		{"two parts", head + "multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n" + longLines(maxQuoted-100) + "\n--b\nContent-Type: text/plain\n\n" + longLines(1000) + "\n--b--\n", true},
	} {
		email := e.deliver("", c.message).Email.String()
		for _, plain := range []bool{false, true} {
			st, err := e.api.Settings(e.ctx)
			if err != nil {
				t.Fatal(err)
			}
			st.ComposeText = plain
			if _, err := e.api.SettingsSave(e.ctx, st); err != nil {
				t.Fatal(err)
			}
			d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{email}})
			if got := strings.Contains(d.Text+d.HTML, notQuoted); got != c.cut || len(d.Attachments) != 0 {
				t.Errorf("%s, plain %v: told that it is not whole: %v; %d attachments", c.name, plain, got, len(d.Attachments))
			}
			d = e.compose(ComposeRequest{Kind: ComposeForward, Emails: []string{email}})
			whole := len(d.Attachments) == 1 && d.Attachments[0].Type == "message/rfc822" && d.Attachments[0].Name == "long.eml"
			if told := strings.Contains(d.Text+d.HTML, notInserted); told != whole || whole != c.cut {
				t.Errorf("%s, plain %v: told that it is attached: %v; %+v", c.name, plain, told, d.Attachments)
			}
		}
	}
	// What is selected of it is quoted likewise.
	email := e.deliver("", head+"text/plain\n\n"+longLines(maxQuoted+1000)).Email.String()
	for n, cut := range map[int]bool{1000: false, maxQuoted + 1000: true} {
		d := e.compose(ComposeRequest{Kind: ComposeReply, Emails: []string{email}, Quote: longLines(n)})
		if strings.Contains(d.Text, notQuoted) != cut {
			t.Errorf("%d bytes selected: %.200q", n, d.Text[max(0, len(d.Text)-200):])
		}
	}
	// One does not go on with what would not be whole when it is saved.
	email = e.deliver("", head+"text/plain\n\n"+longLines(maxDraftText+1000)).Email.String()
	_, err := e.api.Compose(e.ctx, ComposeRequest{Kind: ComposeEditAsNew, Emails: []string{email}})
	wantCode(t, err, codeLimit)
}

func TestPieces(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("a\n", maxPieceLines)
	for _, c := range []struct{ text, want string }{
		{"", "<div></div>"},
		{"a", "<div>a</div>"},
		{"a\n\nb", "<div>a<br><br>b</div>"},
		{many + "b", "<div>" + strings.Repeat("a<br>", maxPieceLines-1) + "a</div><div>b</div>"},
		{many + "\nb", "<div>" + strings.Repeat("a<br>", maxPieceLines-1) + "a</div><div><br>b</div>"},
		{"\n" + many + "b", "<div><br>" + strings.Repeat("a<br>", maxPieceLines-2) + "a</div><div>a<br>b</div>"},
		{strings.Repeat("\n", 2*maxPieceLines) + "a\nb", "<div>" + strings.Repeat("<br>", 2*maxPieceLines) + "a</div><div>b</div>"},
		{strings.Repeat("x", maxPieceBytes) + "\ny\n" + "z", "<div>" + strings.Repeat("x", maxPieceBytes) + "</div><div>y<br>z</div>"},
	} {
		if got := pieces(c.text); got != c.want {
			t.Errorf("%.40q: got %.300q, want %.300q", c.text, got, c.want)
		}
	}
}

func TestBreakLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		lines      int
	}{
		{"none", "", 1},
		{"short", "a b\nc", 2},
		{"as long as may be", strings.Repeat("x", maxQuotedLine) + "\ny", 2},
		{"many short ones", strings.Repeat("some words\n", maxQuotedLine), maxQuotedLine + 1},
		{"words", strings.Repeat("word ", maxQuotedLine), 6},
		{"no white space", strings.Repeat("x", 2*maxQuotedLine+1), 3},
		{"letters of several bytes", strings.Repeat("漢", maxQuotedLine), 4},
		{"white space at the begin alone", "a " + strings.Repeat("x", 2*maxQuotedLine), 3},
	} {
		got := breakLines(c.text)
		if strings.ReplaceAll(got, "\n", "") != strings.ReplaceAll(c.text, "\n", "") {
			t.Errorf("%s: text is lost", c.name)
		}
		if l := strings.Split(got, "\n"); len(l) != c.lines {
			t.Errorf("%s: %d lines, want %d", c.name, len(l), c.lines)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if len(line) > maxQuotedLine || strings.ToValidUTF8(line, "") != line {
				t.Errorf("%s: a line has %d bytes", c.name, len(line))
			}
		}
	}
}
