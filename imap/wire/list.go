package wire

// ListSelect are the selection options of LIST, as a set of bits (RFC 9051 §6.3.9.1).
type ListSelect uint8

// The selection options.
const (
	SelectSubscribed ListSelect = 1 << iota
	SelectRemote
	SelectRecursiveMatch
	SelectSpecialUse // RFC 6154 §3.
)

// ListReturn are the return options of LIST, as a set of bits (RFC 9051 §6.3.9.2).
type ListReturn uint8

// The return options.
const (
	ListReturnSubscribed ListReturn = 1 << iota
	ListReturnChildren
	ListReturnSpecialUse // RFC 6154 §3.
	ListReturnStatus     // RFC 5819, RFC 9051 §6.3.9.8. See Status.
)

// List has the arguments of LIST, and of LSUB, which has no options.
type List struct {
	// Extended says that the command has something that RFC 3501 has not: selection
	// options, several patterns in parentheses, or return options. It may all be empty.
	// The answer to `LIST "" ""` is the hierarchy separator only if it is false
	// (RFC 5258 §3).
	Extended  bool
	Select    ListSelect
	Reference string // Decoded.

	// Patterns are decoded. Malformed ones, which match nothing (RFC 9051 §6.3.9), are left
	// out, and all of them if the reference is.
	Patterns []string

	Return ListReturn
	Status StatusItems // For ListReturnStatus.
}

// List takes the arguments of LIST, to the end of the command.
func (d *Decoder) List() (List, error) {
	var l List
	d.SP()
	if d.peek() == '(' {
		l.Extended = true
		d.listSelect(&l)
		d.SP()
	}
	var ok bool
	l.Reference, ok = d.listMailbox(isAString)
	d.SP()
	if d.peek() == '(' {
		l.Extended = true
		d.Parens(false, func() { d.listPattern(&l) })
	} else {
		d.listPattern(&l)
	}
	if !ok {
		l.Patterns = nil
	}
	if d.Take(' ') {
		l.Extended = true
		if string(d.Keyword()) != "RETURN" {
			d.invalid("Unknown argument of LIST")
		}
		d.SP()
		d.listReturn(&l)
	}
	d.CRLF()
	return l, d.err
}

// LSub takes the arguments of LSUB (RFC 3501 §6.3.9), to the end of the command.
func (d *Decoder) LSub() (List, error) {
	var l List
	d.SP()
	var ok bool
	l.Reference, ok = d.listMailbox(isAString)
	d.SP()
	d.listPattern(&l)
	if !ok {
		l.Patterns = nil
	}
	d.CRLF()
	return l, d.err
}

// listPattern takes a pattern (list-mailbox in RFC 9051 §9).
func (d *Decoder) listPattern(l *List) {
	if p, ok := d.listMailbox(isListChar); ok {
		l.Patterns = append(l.Patterns, p)
	}
}

func (d *Decoder) listSelect(l *List) {
	d.Parens(true, func() {
		switch string(d.Keyword()) {
		case "SUBSCRIBED":
			l.Select |= SelectSubscribed
		case "REMOTE":
			l.Select |= SelectRemote
		case "RECURSIVEMATCH":
			l.Select |= SelectRecursiveMatch
		case "SPECIAL-USE":
			l.Select |= SelectSpecialUse
		default:
			// RFC 9051 §6.3.9: BAD to options that the server does not know.
			d.invalid("Unknown selection option of LIST")
		}
	})
	// RFC 9051 §6.3.9.1: RECURSIVEMATCH alone or with REMOTE only is BAD.
	if l.Select&SelectRecursiveMatch != 0 && l.Select&SelectSubscribed == 0 {
		d.invalid("RECURSIVEMATCH without an option to match")
	}
}

func (d *Decoder) listReturn(l *List) {
	d.Parens(true, func() {
		switch string(d.Keyword()) {
		case "SUBSCRIBED":
			l.Return |= ListReturnSubscribed
		case "CHILDREN":
			l.Return |= ListReturnChildren
		case "SPECIAL-USE":
			l.Return |= ListReturnSpecialUse
		case "STATUS":
			l.Return |= ListReturnStatus
			d.SP()
			l.Status |= d.statusItems()
		default:
			d.invalid("Unknown return option of LIST")
		}
	})
}
