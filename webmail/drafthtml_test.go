package webmail

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// onePixel is a PNG.
const onePixel = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\xdac\xfc\xcf\xc0P\x0f\x00\x04\x85\x01\x80\x84\xa9\x8c!\x00\x00\x00\x00IEND\xaeB`\x82"

// upload sends a file as a page does.
func (e *env) upload(name, media, content string, inline bool) Attachment {
	e.t.Helper()
	query := url.Values{"name": {name}}
	if inline {
		query.Set("inline", "")
	}
	r := e.request("POST", "/upload?"+query.Encode(), content)
	r.Header.Set("Content-Type", media)
	w := e.do(r)
	body, err := io.ReadAll(w.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	var at Attachment
	if err := json.Unmarshal(body, &at); err != nil || w.StatusCode != http.StatusOK {
		e.t.Fatalf("upload: %s, %q, %v", w.Status, body, err)
	}
	return at
}

// save saves a draft.
func (e *env) save(d Draft) Saved {
	e.t.Helper()
	saved, err := e.api.DraftSave(e.ctx, d)
	if err != nil {
		e.t.Fatal(err)
	}
	return saved
}

// compose returns a draft.
func (e *env) compose(r ComposeRequest) Draft {
	e.t.Helper()
	d, err := e.api.Compose(e.ctx, r)
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// raw returns the text of a message of ann.
func (e *env) raw(email string) string {
	e.t.Helper()
	id, ok := parseEmailID(email)
	if !ok {
		e.t.Fatalf("email %q", email)
	}
	c, err := e.acc.Open(e.t.Context(), e.session.Actor(), id)
	if err != nil {
		e.t.Fatal(err)
	}
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		e.t.Fatal(err)
	}
	return string(b)
}

// isImage checks that an address has the image.
func (e *env) isImage(address string) {
	e.t.Helper()
	w := e.do(e.request("GET", "/"+address, ""))
	body, err := io.ReadAll(w.Body)
	if err != nil || w.StatusCode != http.StatusOK || string(body) != onePixel || w.Header.Get("Content-Type") != "image/png" {
		e.t.Errorf("%s: %s, %s, %q, %v", address, w.Status, w.Header.Get("Content-Type"), body, err)
	}
}

func TestImagesInTextSurviveSaving(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, img string }{
		{"by address of the upload alone", `<img src="ADDRESS">`},
		{"by content id", `<img src="elsewhere" data-cid="CID">`},
		{"by both", `<img src="ADDRESS" data-cid="CID">`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			at := e.upload("dot.png", "image/png", onePixel, true)
			if !at.Inline || at.ContentID == "" {
				t.Fatalf("attachment %+v", at)
			}
			d := e.compose(ComposeRequest{Kind: ComposeNew})
			d.HTML = "<p>look: " + strings.NewReplacer("ADDRESS", at.Address, "CID", at.ContentID).Replace(c.img) + "</p>"
			d.Attachments = []Attachment{at}
			// The text is as it was typed at each save; only the attachments are those of the save before.
			for range 3 {
				saved := e.save(d)
				raw := e.raw(saved.Email)
				if !strings.Contains(raw, "cid:"+url.PathEscape(at.ContentID)) || !strings.Contains(raw, "Content-ID: <"+at.ContentID+">") || !strings.Contains(raw, "multipart/related") {
					t.Fatalf("image is not in the message:\n%s", raw)
				}
				if len(saved.Attachments) != 1 || saved.Attachments[0].ContentID != at.ContentID || !saved.Attachments[0].Inline || !strings.HasPrefix(saved.Attachments[0].ID, "part:"+saved.Email) {
					t.Fatalf("saved %+v", saved)
				}
				e.isImage(saved.Attachments[0].Address)
				d.Email, d.Attachments = saved.Email, saved.Attachments
			}
			// Read back, and saved again from there.
			for range 2 {
				back := e.compose(ComposeRequest{Kind: ComposeDraft, Emails: []string{d.Email}})
				if len(back.Attachments) != 1 || back.Attachments[0].ContentID != at.ContentID || !back.Attachments[0].Inline {
					t.Fatalf("attachments %+v", back.Attachments)
				}
				if !strings.Contains(back.HTML, `src="`+back.Attachments[0].Address+`"`) || !strings.Contains(back.HTML, cidAttribute+`="`+at.ContentID+`"`) {
					t.Fatalf("HTML %s, attachments %+v", back.HTML, back.Attachments)
				}
				e.isImage(back.Attachments[0].Address)
				back.Email = e.save(back).Email
				d = back
			}
		})
	}
}

func TestImageOfNobody(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	at := e.upload("dot.png", "image/png", onePixel, true)
	d := e.compose(ComposeRequest{Kind: ComposeNew})
	d.HTML = `<p>a<img src="message/0123/part/1?inline=1" data-cid="other@mox">b</p>`
	d.Attachments = []Attachment{at}
	raw := e.raw(e.save(d).Email)
	if strings.Contains(raw, "cid:") || strings.Contains(raw, "message/0123") || strings.Contains(raw, "data-cid") {
		t.Errorf("message refers to what is not there:\n%s", raw)
	}
}
