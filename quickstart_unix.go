//go:build unix

package main

import (
	"log/slog"
)

// checkServerUser looks whether there is a user that the server can run as.
func checkServerUser(name string) error {
	_, err := lookupUser(name)
	return err
}

// giveToServer puts owners and modes right, as "mox serve" does at its start. Only root can.
func giveToServer(path string, root bool) error {
	if !root {
		return nil
	}
	p := &parent{path: path, root: true, log: slog.New(slog.DiscardHandler)}
	return p.prepare()
}
