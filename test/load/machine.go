package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mox/test/load/figure"
	"mox/test/load/proc"
)

func machineMode(r *run, fs *flag.FlagSet, args []string) error {
	r.serverFlags(fs)
	dir := fs.String("dir", ".", "`directory` on the disk that the servers use")
	n := fs.Int("n", 1000, "syncs to time; 0 for none")
	size := fs.Int("size", 8192, "bytes that each writes")
	if err := r.parse(fs, args); err != nil {
		return err
	}
	m, err := describe(*dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.log, "%s, %d cores, %d MiB, Linux %s, %s, %s\n", m.CPU, m.Cores, m.MemoryMiB, m.Kernel, m.FileSystem, m.Go)
	if err := figure.WriteMachine(r.out, m); err != nil || *n == 0 {
		return err
	}
	return r.syncs(*dir, *n, *size)
}

func describe(dir string) (figure.Machine, error) {
	m := figure.Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Date: time.Now().UTC().Format(time.DateOnly)}
	var err error
	if m.CPU, err = proc.Field("/proc/cpuinfo", "model name"); err != nil {
		m.CPU = runtime.GOARCH // Not all architectures name it.
	}
	total, err := proc.Field("/proc/meminfo", "MemTotal")
	if err != nil {
		return m, err
	}
	kb, err := strconv.Atoi(strings.TrimSuffix(total, " kB"))
	if err != nil {
		return m, err
	}
	m.MemoryMiB = kb >> 10
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return m, err
	}
	m.Kernel = strings.TrimSpace(string(kernel))
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return m, err
	}
	if _, err := fmt.Sscan(string(load), &m.Load); err != nil {
		return m, err
	}
	m.FileSystem, err = fileSystem(dir)
	return m, err
}

// fileSystem returns the type and device of what a directory is on.
func fileSystem(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	f, err := os.Open("/proc/mounts")
	if err != nil {
		return "", err
	}
	defer f.Close()
	best, found := "", "unknown"
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		l := strings.Fields(sc.Text())
		if len(l) < 4 || len(l[1]) < len(best) {
			continue
		}
		if l[1] == "/" || abs == l[1] || strings.HasPrefix(abs, l[1]+"/") {
			best, found = l[1], l[2]+" on "+l[0]
		}
	}
	return found, sc.Err()
}

// syncs times what no server can do with less: to make a message durable at the end of a file, and as
// a file of its own with its name.
func (r *run) syncs(dir string, n, size int) error {
	tmp, err := os.MkdirTemp(dir, "load-syncs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i*7 + i>>8)
	}
	log, err := os.Create(filepath.Join(tmp, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	err = r.syncTimed("disk/append", n, func(int) error {
		if _, err := log.Write(content); err != nil {
			return err
		}
		return syscall.Fdatasync(int(log.Fd()))
	})
	if err != nil {
		return err
	}
	names, err := os.Open(tmp)
	if err != nil {
		return err
	}
	defer names.Close()
	return r.syncTimed("disk/file", n, func(i int) error {
		f, err := os.Create(filepath.Join(tmp, strconv.Itoa(i)))
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.Write(content); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		return names.Sync()
	})
}

func (r *run) syncTimed(name string, n int, do func(i int) error) error {
	var times []time.Duration
	for i := range n {
		start := time.Now()
		if err := do(i); err != nil {
			return err
		}
		times = append(times, time.Since(start))
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
	}
	f := figure.Figure{Name: name, Unit: "ms"}
	f.Latencies(times)
	f.Value = f.P50
	return r.emit(f)
}
