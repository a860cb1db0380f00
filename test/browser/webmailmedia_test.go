package browser

import (
	"encoding/binary"
	"math"
	"testing"
)

// sound is a WAVE file with a tone, mono with 8,000 samples of 16 bits in a second.
func sound(seconds int) []byte {
	const rate = 8000
	var data []byte
	for i := range seconds * rate {
		data = binary.LittleEndian.AppendUint16(data, uint16(int16(8000*math.Sin(float64(i)*440*2*math.Pi/rate))))
	}
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(36+len(data)))
	b = append(b, "WAVEfmt "...)
	for _, field := range []any{uint32(16), uint16(1), uint16(1), uint32(rate), uint32(2 * rate), uint16(2), uint16(16)} {
		switch v := field.(type) {
		case uint16:
			b = binary.LittleEndian.AppendUint16(b, v)
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, v)
		}
	}
	return append(binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(len(data))), data...)
}

// onePage is a PDF with an empty page.
const onePage = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

// Sounds and films are played where attachments are looked at; what the browser cannot play is told. The view of a PDF leaves the keys to the page.
func testMailMedia(t *testing.T, m *mailSite, u *mailUser) {
	u.put(t, "Inbox", letter{subject: "A song", flags: `\Seen`, files: []letterFile{
		{name: "song.wav", typ: "audio/x-wav", data: sound(30)},
		{name: "broken.webm", typ: "video/webm", data: []byte("This is no film.")},
		{name: "broken.mp3", typ: "audio/mpeg", data: []byte("This is no song.")},
	}})
	u.put(t, "Inbox", letter{subject: "A paper", flags: `\Seen`, files: []letterFile{{name: "paper.pdf", typ: "application/pdf", data: []byte(onePage)}}})
	p := m.browser.mail(t, u, desktop, nil)
	p.click(rowOf("A paper"))
	p.see(".attachment")
	p.press("v")
	p.see("dialog.viewer")
	p.eval(nil, `const f = document.querySelector('dialog.viewer iframe'); f.addEventListener('load', () => f.dataset.loaded = '1'); f.src = f.src; null`)
	p.see("dialog.viewer iframe[data-loaded]")
	p.press("Escape")
	p.gone("dialog.viewer")

	p.click(rowOf("A song"))
	p.count(".attachment", 3)
	p.focus(".reader .message.open")
	p.press("v")
	const player = `document.querySelector('dialog.viewer audio')`
	p.see("dialog.viewer audio[controls][aria-label='song.wav']", "dialog.viewer >> text=/1 of 3/")
	p.shows("Math.round("+player+"?.duration)", "30")
	p.eval(nil, "window.player = "+player+"; player.paused")
	if p.text("player.paused") != "true" {
		t.Error("it plays without being asked")
	}
	p.accessible("sound")
	p.eval(nil, "player.play().then(() => null)")
	p.shows("player.currentTime > 0 && !player.paused", "true")
	// One can go to any place in it, by a request for a range.
	p.eval(nil, "player.currentTime = 25; null")
	p.shows("player.currentTime > 24.5 && !player.seeking", "true")

	p.click("dialog.viewer >> " + buttonOf("Next attachment"))
	p.see("dialog.viewer >> text=/2 of 3/", "dialog.viewer .viewer-stage >> text=There is no view of this kind of file.")
	p.shows("player.paused", "true") // What is not seen any more is not heard.
	p.count("dialog.viewer video", 0)
	p.click("dialog.viewer >> " + buttonOf("Next attachment"))
	p.see("dialog.viewer >> text=/3 of 3/", "dialog.viewer .viewer-stage >> text=There is no view of this kind of file.")
	p.click("dialog.viewer >> " + buttonOf("Previous attachment"))
	p.click("dialog.viewer >> " + buttonOf("Previous attachment"))
	p.shows("Math.round("+player+"?.duration)", "30")
	p.eval(nil, "window.player = "+player+"; player.play().then(() => null)")
	p.press("Escape")
	p.gone("dialog.viewer")
	p.shows("player.paused", "true")
}
