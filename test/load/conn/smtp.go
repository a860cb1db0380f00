package conn

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"mox/smtp"
)

// SMTP is a connection to an SMTP or submission server.
type SMTP struct {
	stream
	pipelining bool
}

// Credentials are those of an account. The zero value logs nobody in.
type Credentials struct {
	User, Password string
}

// SMTP connects, says EHLO and logs in with AUTH PLAIN if there is a user.
func (d *Dialer) SMTP(ctx context.Context, address string, login Credentials) (*SMTP, error) {
	nc, err := d.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	s := &SMTP{stream: stream{timeout: d.timeout()}}
	s.set(nc, false)
	if err := s.open(ctx, d.Security, login); err != nil {
		s.Close()
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	return s, nil
}

func (s *SMTP) open(ctx context.Context, security Security, login Credentials) error {
	s.extend()
	if security == TLS {
		if err := s.startTLS(ctx, false); err != nil {
			return err
		}
	}
	if err := s.expect(smtp.C220ServiceReady); err != nil {
		return err
	}
	if err := s.hello(); err != nil {
		return err
	}
	if security == StartTLS {
		if err := s.command(smtp.C220ServiceReady, "STARTTLS"); err != nil {
			return err
		}
		if err := s.startTLS(ctx, false); err != nil {
			return err
		}
		if err := s.hello(); err != nil {
			return err
		}
	}
	if login.User == "" {
		return nil
	}
	token := base64.StdEncoding.EncodeToString([]byte("\x00" + login.User + "\x00" + login.Password))
	return s.command(smtp.C235AuthSuccess, "AUTH PLAIN "+token)
}

func (s *SMTP) hello() error {
	s.extend()
	fmt.Fprintf(s.bw, "EHLO load.example\r\n")
	if err := s.bw.Flush(); err != nil {
		return err
	}
	reply, err := smtp.ReadReply(s.br)
	if err != nil {
		return err
	}
	if reply.Code != smtp.C250Completed {
		return unexpected(reply)
	}
	s.pipelining = false
	for _, line := range reply.Lines[1:] {
		keyword, _, _ := strings.Cut(line, " ")
		s.pipelining = s.pipelining || strings.EqualFold(keyword, "PIPELINING")
	}
	return nil
}

// unexpected returns a reply as an error.
func unexpected(reply smtp.Reply) error {
	if err := reply.Err(); err != nil {
		return err
	}
	return fmt.Errorf("unexpected reply %d %s", reply.Code, reply.Text())
}

func (s *SMTP) expect(code int) error {
	reply, err := smtp.ReadReply(s.br)
	if err == nil && reply.Code != code {
		err = unexpected(reply)
	}
	return err
}

func (s *SMTP) command(code int, line string) error {
	s.extend()
	s.bw.WriteString(line)
	s.bw.WriteString("\r\n")
	if err := s.bw.Flush(); err != nil {
		return err
	}
	return s.expect(code)
}

// Send does one transaction and returns when the server has answered for the message. The commands
// before the message go out together where the server allows that (RFC 2920). Refusals are of type
// *smtp.Error.
func (s *SMTP) Send(from string, to []string, msg []byte) error {
	s.extend()
	commands := make([]string, 0, len(to)+2)
	commands = append(commands, "MAIL FROM:<"+from+">")
	for _, rcpt := range to {
		commands = append(commands, "RCPT TO:<"+rcpt+">")
	}
	commands = append(commands, "DATA")
	if err := s.envelope(commands); err != nil {
		return err
	}
	s.extend()
	w := smtp.NewDataWriter(s.bw)
	if _, err := w.Write(msg); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return s.expect(smtp.C250Completed)
}

// Abandon begins a transaction and closes the connection in the middle of the message.
func (s *SMTP) Abandon(from string, to []string, msg []byte) error {
	defer s.Close()
	s.extend()
	if err := s.envelope([]string{"MAIL FROM:<" + from + ">", "RCPT TO:<" + to[0] + ">", "DATA"}); err != nil {
		return err
	}
	s.bw.Write(msg[:len(msg)/2])
	return s.bw.Flush()
}

// envelope sends the commands up to DATA. All replies are read before an error is returned.
func (s *SMTP) envelope(commands []string) error {
	code := func(i int) int {
		if i == len(commands)-1 {
			return smtp.C354Continue
		}
		return smtp.C250Completed
	}
	if !s.pipelining {
		for i, c := range commands {
			if err := s.command(code(i), c); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range commands {
		s.bw.WriteString(c)
		s.bw.WriteString("\r\n")
	}
	if err := s.bw.Flush(); err != nil {
		return err
	}
	var first error
	for i := range commands {
		if err := s.expect(code(i)); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Quit ends the session in an orderly way.
func (s *SMTP) Quit() error {
	err := s.command(smtp.C221Closing, "QUIT")
	s.Close()
	return err
}
