package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"mox/test/load/mail"
)

// lies is an IMAP server with two messages that answers commands as it is told to, the others well.
type lies map[string]string // By what a command begins with: untagged responses.

// serve serves until the test ends, and returns the address.
func (l lies) serve(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go l.session(nc)
		}
	}()
	return ln.Addr().String()
}

func (l lies) session(nc net.Conn) {
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(5 * time.Minute))
	fmt.Fprintf(nc, "* OK hello\r\n")
	br := bufio.NewReader(nc)
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		for start, answer := range l {
			if strings.HasPrefix(command, start) {
				fmt.Fprint(nc, answer)
			}
		}
		fmt.Fprintf(nc, "%s OK done\r\n", tag)
	}
}

// A server that is quick because its answers are wrong must not get a figure for it.
func TestLiesNoticed(t *testing.T) {
	t.Parallel()
	msgs := mail.New(mail.Options{Seed: 3, Size: 2000}).Batch(0, 2)
	literal := func(num int, b []byte) string {
		return fmt.Sprintf("* %d FETCH (BODY[] {%d}\r\n%s)\r\n", num, len(b), b)
	}
	changed := bytes.Clone(msgs[1])
	changed[len(changed)-5] ^= 1
	const two = "* 2 EXISTS\r\n"
	const flags = "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\n"
	for name, tc := range map[string]struct {
		answers lies
		args    string
		want    string // In the error; empty if all is well.
	}{
		"well":                {lies{"EXAMINE": two, "FETCH": flags}, "fetch -items flags -check 0", ""},
		"message left out":    {lies{"EXAMINE": two, "FETCH": flags[:28]}, "fetch -items flags -check 0", "1 of 2"},
		"message twice":       {lies{"EXAMINE": two, "FETCH": flags + flags}, "fetch -items flags -check 0", "unexpected"},
		"unknown message":     {lies{"EXAMINE": two, "FETCH": flags + "* 3 FETCH (FLAGS ())\r\n"}, "fetch -items flags -check 0", "unexpected"},
		"other items":         {lies{"EXAMINE": two, "FETCH": flags}, "fetch -items envelope -check 0", "FETCH of message 1"},
		"no content":          {lies{"EXAMINE": two, "FETCH": "* 1 FETCH (BODY[] NIL)\r\n"}, "fetch -items body -check 0", "literals"},
		"no EXISTS":           {lies{}, "fetch -items flags -check 0", "EXISTS"},
		"other bytes":         {lies{"EXAMINE": two, "FETCH 1:* (UID": flags, "FETCH 1:1 (BODY": literal(1, changed)}, "fetch -items flags -check 2", "has other bytes"},
		"no envelope":         {lies{"EXAMINE": two, "FETCH 1:* (UID": flags, "FETCH 1:1 (BODY": literal(1, msgs[0])}, "fetch -items flags -check 2", "0 of 1 messages came"},
		"envelope of another": {lies{"EXAMINE": two, "FETCH 1:* (UID": flags, "FETCH 1:1 (BODY": literal(1, msgs[0]), "FETCH 1:1 (RFC": fmt.Sprintf("* 1 FETCH (RFC822.SIZE %d ENVELOPE (\"<load-3-1@load.example>\"))\r\n", len(msgs[0]))}, "fetch -items flags -check 2", "has no \"<load-3-0@load.example>\""},
		"bytes cut off":       {lies{"EXAMINE": two, "FETCH 1:* (UID": flags, "FETCH 1:1 (BODY": literal(1, msgs[0][:1500])}, "fetch -items flags -check 2", "not as it was sent"},
		"too many found":      {lies{"EXAMINE": two, "SEARCH FROM": "* SEARCH 1 2\r\n", "SEARCH ALL": "* SEARCH 1 2\r\n"}, "search -seed 3", "found 2"},
		"nothing found":       {lies{"EXAMINE": two, "SEARCH": "* SEARCH\r\n"}, "search -seed 3", "found 0"},
		"flags not changed":   {lies{"SELECT": two, "STORE": flags}, "change -single 1 -block 1", "has"},
		"STORE not told of":   {lies{"SELECT": two}, "change -single 1 -block 1", "0 responses, not 2"},
		"numbers do not fit":  {lies{"SELECT": two, "STATUS": "* STATUS x (MESSAGES 5)\r\n"}, "list -boxes 1", "STATUS tells of 5"},
		"mailboxes left out":  {lies{"SELECT": two, "STATUS": "* STATUS x (MESSAGES 2)\r\n", "LIST": "* LIST () \"/\" INBOX\r\n"}, "list -boxes 1", "LIST has 1"},
		"append that is lost": {lies{"EXAMINE": two, "STATUS": "* STATUS x (MESSAGES 2)\r\n", "CAPABILITY": "* CAPABILITY IMAP4rev1\r\n", "APPEND": "+ go\r\n"}, "append -n 1", "has 2 messages, not 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, log bytes.Buffer
			args := append(strings.Fields(tc.args), "-imap", tc.answers.serve(t), "-password", "x", "-timeout", "5m")
			err := execute(t.Context(), args, &out, &log)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}
