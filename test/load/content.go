package main

import (
	"bytes"
	"fmt"
	"strconv"

	"mox/test/load/conn"
	"mox/test/load/mail"
)

// checkContent fetches messages of the selected mailbox in every way, without timing it, and checks
// them: their bytes, and that size, envelope and structure are of the same message.
func checkContent(c *conn.IMAP, first, last int) error {
	marks, sizes, err := checkBodies(c, first, last)
	if err != nil {
		return err
	}
	c.Keep = true
	defer func() { c.Keep = false }()
	seen := 0
	err = c.Command(func(r *conn.Response) error {
		if !r.Is("FETCH") {
			return nil
		}
		i, err := position(r, first, last)
		if err != nil {
			return err
		}
		seen++
		return checkItems(r, marks[i], sizes[i])
	}, "FETCH %d:%d (RFC822.SIZE ENVELOPE BODYSTRUCTURE)", first, last)
	if err == nil && seen != len(marks) {
		err = fmt.Errorf("%d of %d messages came", seen, len(marks))
	}
	return err
}

// position returns where the message of a response stands in a range.
func position(r *conn.Response, first, last int) (int, error) {
	if int(r.Num) < first || int(r.Num) > last {
		return 0, fmt.Errorf("unexpected FETCH of message %d", r.Num)
	}
	return int(r.Num) - first, nil
}

// checkBodies checks the bytes of messages, and returns what they say of themselves, and their sizes.
// Nothing else is asked for: servers learn from what is, and are then quicker with it.
func checkBodies(c *conn.IMAP, first, last int) ([]mail.Mark, []int, error) {
	c.Keep = true
	defer func() { c.Keep = false }()
	marks := make([]mail.Mark, last-first+1)
	sizes := make([]int, last-first+1)
	err := c.Command(func(r *conn.Response) error {
		if !r.Is("FETCH") {
			return nil
		}
		i, err := position(r, first, last)
		if err != nil {
			return err
		}
		if len(r.Content) != 1 {
			return fmt.Errorf("message %d came with %d literals", r.Num, len(r.Content))
		}
		sizes[i] = len(r.Content[0])
		marks[i], err = mail.Check(r.Content[0])
		return err
	}, "FETCH %d:%d (BODY.PEEK[])", first, last)
	if err != nil {
		return nil, nil, err
	}
	for i, m := range marks {
		if m.ID == "" {
			return nil, nil, fmt.Errorf("message %d did not come", first+i)
		}
	}
	return marks, sizes, nil
}

// checkItems checks that items are those of a message.
func checkItems(r *conn.Response, m mail.Mark, size int) error {
	all := bytes.ToLower(r.Text)
	for _, c := range r.Content {
		all = append(all, bytes.ToLower(c)...)
	}
	kind, subtype, _ := bytes.Cut([]byte(m.Type), []byte("/"))
	want := []string{"rfc822.size " + strconv.Itoa(size), "<" + m.ID + ">"}
	if string(kind) == "multipart" {
		want = append(want, ` "`+string(subtype)+`" (`) // With the boundary among its parameters.
	} else {
		want = append(want, `("`+string(kind)+`" "`+string(subtype)+`" `)
	}
	for _, w := range want {
		if !bytes.Contains(all, []byte(w)) {
			return fmt.Errorf("message %d of %d bytes, %s, has no %q in %.2000s", r.Num, size, m.ID, w, r.Text)
		}
	}
	return nil
}
