package main

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"

	"mox/config"
	"mox/internal/atomicfile"
)

func setAdminPasswordCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "setadminpassword",
		Short: "Set the password of the admin pages",
		Long: `Setadminpassword asks for a new password of the admin pages, twice, without
showing it, and writes its hash to the file that AdminPasswordFile in mox.conf
names. When standard input is not a terminal, the password is its first line.
Run it as the owner of that file, which is root for a server that root started.

The password has at least 8 characters, and at most 72 bytes. Have a running
server read it with "mox config reload".`,
		Example: `  mox setadminpassword
  pwgen 20 1 | mox setadminpassword`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := configPath(cmd)
			if err != nil {
				return err
			}
			cfg, err := config.LoadStatic(config.Options{Path: path})
			if err != nil {
				return err
			}
			if cfg.AdminPasswordFile == "" {
				return errors.New("mox.conf names no file for the password; set AdminPasswordFile, e.g. to adminpasswd, and restart the server")
			}
			password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if utf8.RuneCountInString(password) < minPassword {
				return fmt.Errorf("the password is too short; use at least %d characters", minPassword)
			}
			hash, err := adminPasswordHash(password)
			if errors.Is(err, bcrypt.ErrPasswordTooLong) {
				return errors.New("the password is too long; use at most 72 bytes")
			} else if err != nil {
				return err
			}
			if err := atomicfile.Write(cfg.AdminPasswordFile, hash, 0o640); err != nil {
				return fmt.Errorf("writing the hash of the password: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the password of the admin pages is set; a running server takes it with \"mox config reload\"")
			return err
		},
	}
}
