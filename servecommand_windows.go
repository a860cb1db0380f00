package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func runServe(*cobra.Command, []string) error {
	return errors.New("mox serve runs on Unix systems; on Windows use mox localserve")
}
