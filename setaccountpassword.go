package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mox/internal/ctl"
)

// minPassword is the least number of characters that is taken.
const minPassword = 8

func setAccountPasswordCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "setaccountpassword account",
		Short: "Set the password of an account",
		Long: `Setaccountpassword asks for a new password, twice, without showing it, and sets
it for an account of domains.conf. When standard input is not a terminal, the
password is its first line. It takes effect at once. Web sessions of the account
end; mail programs that are connected stay so.

The password has at least 8 characters. Mox keeps only what is needed to check
it.`,
		Example: `  mox setaccountpassword ann
  pwgen 20 1 | mox setaccountpassword ann`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if len([]rune(password)) < minPassword {
				return fmt.Errorf("the password is too short; use at least %d characters", minPassword)
			}
			err = withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "setaccountpassword", setAccountPasswordParams{args[0], password}, ctl.Streams{}, nil)
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the password of account %s is set\n", args[0])
			return err
		},
	}
}

// readPassword asks on a terminal, or reads a line from anything else.
func readPassword(in io.Reader, out io.Writer) (string, error) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(out, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(out)
		return string(b), err
	}
	password, err := ask("new password: ")
	if err != nil {
		return "", err
	}
	again, err := ask("again: ")
	if err != nil {
		return "", err
	}
	if password != again {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return password, nil
}
