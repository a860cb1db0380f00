package wire

// Select has the arguments of SELECT and EXAMINE (RFC 9051 §6.3.2).
type Select struct {
	Mailbox   string
	CondStore bool   // RFC 7162 §3.1.8.
	Supplied  string // The name as it came, see [Decoder.MailboxForm].
}

// Select takes the arguments of SELECT and EXAMINE, to the end of the command.
func (d *Decoder) Select() (Select, error) {
	var s Select
	d.SP()
	s.Mailbox, s.Supplied = d.MailboxForm()
	if d.Take(' ') {
		d.Parens(false, func() {
			switch string(d.Keyword()) {
			case "CONDSTORE":
				s.CondStore = true
			default:
				d.invalid("Unknown parameter of SELECT")
			}
		})
	}
	d.CRLF()
	return s, d.err
}
