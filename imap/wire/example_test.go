package wire_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"mox/imap"
	"mox/imap/wire"
)

// A server reads a command with its arguments, asks for the error once, and answers.
func Example() {
	client := strings.NewReader("a1 UID FETCH 7:* (FLAGS)\r\na2 UID FETCH 7:* FLAGS)\r\n")
	var answer strings.Builder
	enc := wire.NewEncoder(bufio.NewWriter(&answer))
	dec := wire.NewDecoder(bufio.NewReader(client), wire.Limits{}, func() error {
		enc.Continue("Ready for literal data")
		return enc.Flush()
	})
	handle := func() error {
		dec.SP()
		dec.Keyword() // UID
		dec.SP()
		dec.Keyword() // FETCH
		var fetch wire.Fetch
		if err := dec.Fetch(wire.UIDNums, &fetch); err != nil {
			return err
		}
		for uid := range fetch.Set.UIDs.Resolve(8).All() {
			enc.Untagged().Number(1).Atom("FETCH").Open()
			enc.Atom("UID").Number(uint32(uid))
			enc.Atom("FLAGS").Flags(imap.FlagSeen, []string{imap.KeywordForwarded}, false)
			enc.Close().CRLF()
		}
		return nil
	}
	for {
		if err := dec.ReadLine(); err == io.EOF {
			break
		} else if err != nil {
			fmt.Println(err)
			return
		}
		tag := dec.Tag()
		var e *imap.Error
		if err := handle(); errors.As(err, &e) {
			enc.Error(tag, e)
		} else {
			enc.Status(tag, imap.StatusOK, "", "FETCH completed")
		}
		enc.Flush()
	}
	fmt.Print(strings.ReplaceAll(answer.String(), "\r\n", "\n"))
	// Output:
	// * 1 FETCH (UID 7 FLAGS (\Seen $Forwarded))
	// * 1 FETCH (UID 8 FLAGS (\Seen $Forwarded))
	// a1 OK FETCH completed
	// a2 BAD Syntax error at octet 23: end of command expected
}
