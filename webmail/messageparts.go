package webmail

import (
	"strings"

	"mox/message"
)

// maxTree bounds the parts of Message.Tree.
const maxTree = 1500

// treeBuilder makes the tree of parts that pages get.
type treeBuilder struct {
	inline map[*message.Part]bool // Parts that are shown in the text.
	left   int                    // How many parts may still be added.
	cut    bool                   // Some were left out, or not taken apart.
}

// message returns the tree of a message at a path. What has parts of its own and no number has no path.
func (b *treeBuilder) message(root *message.Part, path string) Part {
	if !root.IsMultipart() {
		return b.part(leaf{below(path, 1), root})
	}
	p := b.part(leaf{path, root})
	p.Path = ""
	return p
}

func (b *treeBuilder) part(f leaf) Part {
	b.left--
	p := partOf(f)
	p.Inline = b.inline[f.part]
	b.cut = b.cut || f.part.Defects&(message.DefectTooManyParts|message.DefectTooDeep) != 0
	for i, c := range f.part.Parts {
		if b.left <= 0 {
			b.cut = true
			break
		}
		p.Parts = append(p.Parts, b.part(leaf{below(f.path, i+1), c}))
	}
	if f.part.Message != nil {
		if b.left <= 0 {
			b.cut = true
		} else {
			p.Parts = append(p.Parts, b.message(f.part.Message, f.path))
		}
	}
	return p
}

// partOf returns what pages are told of a part, without those in it.
func partOf(f leaf) Part {
	p := f.part
	name := fileName(p.Filename())
	if name == "" && p.Message != nil {
		name = partFileName(f)
	}
	return Part{
		Path: f.path, Type: cutText(strings.ToValidUTF8(p.MediaType(), "?"), 200), Name: name, Size: decodedSize(p),
		ContentID: cutText(strings.ToValidUTF8(contentID(p), "?"), 500), View: viewOf(p), Problem: problemOf(p),
	}
}

// decodedSize returns how long the content of a part is, without reading it: about, if it is encoded.
func decodedSize(p *message.Part) int64 {
	n := p.BodySize()
	if p.IsEncoded() && p.Encoding == "base64" {
		n = max(n-2*p.Lines, 0) / 4 * 3
	}
	return n
}

// problemOf says why a part may be unreadable.
func problemOf(p *message.Part) string {
	switch d := p.Defects; {
	case d&message.DefectTooManyParts != 0:
		return "The message has too many parts; this one was not taken apart."
	case d&message.DefectTooDeep != 0:
		return "The message is nested too deeply; this part was not taken apart."
	case d&message.DefectEncodedMessage != 0:
		return "It is an encoded message, which cannot be opened. It can be downloaded."
	case !p.EncodingKnown():
		return "It is in an encoding that is not known, and downloaded as it is."
	case d&(message.DefectNoBoundary|message.DefectNoParts) != 0:
		return "Its parts cannot be told apart."
	}
	return ""
}
