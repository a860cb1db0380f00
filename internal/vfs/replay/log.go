package replay

import (
	"fmt"
	"slices"
)

// Kind is a kind of operation.
type Kind uint8

// The kinds of operations.
const (
	Create     Kind = iota + 1 // Path is a new file with number File.
	Mkdir                      // Path is a new directory.
	Remove                     // Path, a file or directory, is removed.
	Rename                     // Path becomes NewPath.
	Link                       // NewPath becomes another name of Path.
	Write                      // Data is written to File at Off.
	Truncate                   // File gets the size Off.
	Sync                       // All of File before Start is durable.
	SyncFailed                 // All of File before Start may be lost for good.
	SyncDir                    // The names in Path, as of Start, are durable.
	Mark                       // Note, from the program under test.
)

var kindNames = map[Kind]string{
	Create: "create", Mkdir: "mkdir", Remove: "remove", Rename: "rename", Link: "link", Write: "write",
	Truncate: "truncate", Sync: "sync", SyncFailed: "failed sync", SyncDir: "syncdir", Mark: "mark",
}

// String returns the name of a kind.
func (k Kind) String() string { return kindNames[k] }

// Op is an operation that was done.
type Op struct {
	Kind    Kind
	Path    string // Slash-separated and relative to the directory recorded, which is ".".
	NewPath string
	File    int // Files are numbered, whatever their names become.
	Off     int64
	Data    []byte
	Start   int // How many operations of the log were done when a sync began.
	Note    string
}

// String returns a line for the messages of tests.
func (op Op) String() string {
	switch op.Kind {
	case Create:
		return fmt.Sprintf("create %s as file %d", op.Path, op.File)
	case Rename, Link:
		return fmt.Sprintf("%v %s to %s", op.Kind, op.Path, op.NewPath)
	case Write:
		return fmt.Sprintf("write %d bytes to file %d at %d", len(op.Data), op.File, op.Off)
	case Truncate:
		return fmt.Sprintf("truncate file %d to %d", op.File, op.Off)
	case Sync, SyncFailed:
		return fmt.Sprintf("%v of file %d up to operation %d", op.Kind, op.File, op.Start)
	case Mark:
		return fmt.Sprintf("mark %q", op.Note)
	}
	return fmt.Sprintf("%v %s", op.Kind, op.Path)
}

// Log is what was done, in order. A Log that is still being recorded belongs to
// its Recorder.
type Log struct {
	Ops []Op

	// files is how many files there are.
	files int
}

// Without returns the log with the operations left out for which drop is true. So
// a test sees whether it would notice a missing sync.
func (l *Log) Without(drop func(Op) bool) *Log {
	out := &Log{files: l.files}
	// kept[i] is how many of the first i operations are in out.
	kept := make([]int, 1, len(l.Ops)+1)
	for _, op := range l.Ops {
		if !drop(op) {
			op.Start = kept[min(op.Start, len(kept)-1)]
			out.Ops = append(out.Ops, op)
		}
		kept = append(kept, len(out.Ops))
	}
	return out
}

// Marks returns the notes of the marks among the first n operations.
func (l *Log) Marks(n int) []string {
	var notes []string
	for _, op := range l.Ops[:n] {
		if op.Kind == Mark {
			notes = append(notes, op.Note)
		}
	}
	return notes
}

// Paths returns the name under which each file was created, by its number.
func (l *Log) Paths() map[int]string {
	paths := map[int]string{}
	for _, op := range l.Ops {
		if op.Kind == Create {
			paths[op.File] = op.Path
		}
	}
	return paths
}

// clone returns a copy that does not change with l. Data is shared, it never
// changes.
func (l *Log) clone() *Log {
	return &Log{Ops: slices.Clone(l.Ops), files: l.files}
}
