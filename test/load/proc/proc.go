// Package proc reads from /proc of Linux what processes use, and from a Prometheus page what a Go
// program says of itself.
package proc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoProcess is returned when none of the processes runs.
var ErrNoProcess = errors.New("no such process")

// Parse reads process ids separated by commas or spaces.
func Parse(list string) ([]int, error) {
	var pids []int
	for _, f := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		pid, err := strconv.Atoi(f)
		if err != nil || pid <= 0 {
			return nil, fmt.Errorf("%q is not a process id", f)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// Use is what processes use together.
type Use struct {
	Processes int
	Files     int // Open files and sockets.

	// Memory in bytes. PSS counts a page that several processes share once; anonymous memory is
	// without mapped files, which the system may take back.
	RSS, PSS, Anonymous int64
}

// Of returns what processes and all their descendants use. A process that ends meanwhile is left
// out; with none left the error is ErrNoProcess.
func Of(pids []int) (Use, error) {
	var u Use
	tree, err := descendants(pids)
	if err != nil {
		return u, err
	}
	for _, pid := range tree {
		if err := u.add(filepath.Join("/proc", strconv.Itoa(pid))); err != nil && !gone(err) {
			return u, err
		}
	}
	if u.Processes == 0 {
		return u, ErrNoProcess
	}
	return u, nil
}

// gone tells whether an error means that a process is no more: its folder is not there, or reading
// from it says ESRCH.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "no such process")
}

func (u *Use) add(dir string) error {
	rollup, err := os.ReadFile(filepath.Join(dir, "smaps_rollup"))
	if err != nil {
		return err
	}
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return err
	}
	u.Processes++
	u.Files += len(files)
	for line := range strings.Lines(string(rollup)) {
		name, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if len(fields) != 2 || fields[1] != "kB" {
			continue
		}
		kb, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return fmt.Errorf("%s/smaps_rollup: %w", dir, err)
		}
		switch name {
		case "Rss":
			u.RSS += kb << 10
		case "Pss":
			u.PSS += kb << 10
		case "Anonymous":
			u.Anonymous += kb << 10
		}
	}
	return nil
}

// descendants returns pids and the processes below them.
func descendants(pids []int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue // It ended.
		}
		// The name, in parentheses, may hold anything.
		rest := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(rest) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(rest[1]); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	all := slices.Clone(pids)
	for i := 0; i < len(all); i++ {
		for _, c := range children[all[i]] {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all, nil
}

// Field returns the value of "name: value" in a file of /proc, such as "MemTotal" of meminfo.
func Field(path, name string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if n, v, ok := strings.Cut(sc.Text(), ":"); ok && strings.TrimSpace(n) == name {
			return strings.TrimSpace(v), nil
		}
	}
	if err := sc.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("%s has no %s", path, name)
}
