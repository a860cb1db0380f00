package store

import (
	"strings"

	"mox/message"
)

// listedFields are the header fields that clients list by, besides those that begin with List-.
var listedFields = [...]string{
	"From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To",
	"References", "Newsgroups", "Content-Type", "Importance", "X-Priority", "Auto-Submitted",
}

const listPrefix = "List-"

// structuralFields are those from which envelope and MIME structure are made.
var structuralFields = [...]string{
	"From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-ID", "Content-Description",
	"Content-Disposition", "Content-Language", "Content-Location", "Content-MD5",
}

// ListedField reports whether the header field (canonical or any case) is among those
// kept in Email.Header, so that its absence there means its absence in the message.
func ListedField(name string) bool {
	for _, f := range listedFields {
		if strings.EqualFold(f, name) {
			return true
		}
	}
	return len(name) > len(listPrefix) && strings.EqualFold(name[:len(listPrefix)], listPrefix)
}

// listedHeader appends the listed fields of a raw header to dst.
func listedHeader(dst, header []byte) []byte {
	for f := range message.Fields(header) {
		if listed(f) {
			dst = append(dst, f.Raw...)
		}
	}
	return dst
}

func listed(f message.Field) bool {
	for _, name := range listedFields {
		if f.Is(name) {
			return true
		}
	}
	return len(f.Name) > len(listPrefix) && strings.EqualFold(string(f.Name[:len(listPrefix)]), listPrefix)
}
