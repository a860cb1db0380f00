package wire

// Param is a field of ID (RFC 2971 §3.3).
type Param struct {
	Name  string
	Value string
	Nil   bool // The value is NIL.
}

// ID takes the arguments of ID, to the end of the command. The list is empty for NIL. RFC 2971
// §3.3 allows 30 fields, names of 30 octets and values of 1024; the limits here are those of the
// Decoder.
func (d *Decoder) ID() ([]Param, error) {
	var l []Param
	d.SP()
	if d.peek() != '(' {
		if _, ok := d.NString(); ok {
			d.expected("list or NIL")
		}
		d.CRLF()
		return nil, d.err
	}
	d.Parens(true, func() {
		name := d.AString()
		d.SP()
		value, ok := d.NString()
		l = append(l, Param{name, value, !ok})
	})
	d.CRLF()
	return l, d.err
}
