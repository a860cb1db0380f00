package wire

// StatusItems are the items that STATUS can tell of a mailbox, as a set of bits.
type StatusItems uint16

// The items of STATUS (RFC 9051 §6.3.11).
const (
	StatusMessages StatusItems = 1 << iota
	StatusRecent               // RFC 3501 §6.3.10.
	StatusUIDNext
	StatusUIDValidity
	StatusUnseen
	StatusDeleted
	StatusSize
	StatusHighestModSeq // RFC 7162 §3.1.7.
)

// statusNames are the names of the items in the order of their bits.
var statusNames = [...]string{"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ"}

// Status has the arguments of STATUS.
type Status struct {
	Mailbox string
	Items   StatusItems
}

// Status takes the arguments of STATUS, to the end of the command.
func (d *Decoder) Status() (Status, error) {
	var s Status
	d.SP()
	s.Mailbox = d.Mailbox()
	d.SP()
	s.Items = d.statusItems()
	d.CRLF()
	return s, d.err
}

// statusItems takes the parenthesized list of items.
func (d *Decoder) statusItems() StatusItems {
	var items StatusItems
	d.Parens(false, func() {
		word := d.Keyword()
		for i, name := range statusNames {
			if string(word) == name {
				items |= 1 << i
				return
			}
		}
		d.invalid("Unknown item of STATUS")
	})
	return items
}
