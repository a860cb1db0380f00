package ctl

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Version is the version of the protocol. Another one is refused.
const Version = 1

const (
	maxLine = 1 << 20 // Bytes of a line of JSON.
	maxData = 1 << 20 // Bytes of a data frame; smaller ones are sent.
)

type greeting struct {
	Protocol string `json:"protocol"` // "mox-ctl"
	Version  int    `json:"version"`
	Server   string `json:"server"` // Version of the program, for messages.
}

type request struct {
	Version int             `json:"version"`
	Call    string          `json:"call"`
	Params  json.RawMessage `json:"params,omitempty"`
}

// Kinds of frames.
const (
	kindData     = "data"
	kindEnd      = "end"
	kindProgress = "progress"
	kindResult   = "result"
	kindError    = "error"
)

type frame struct {
	Kind  string          `json:"kind"`
	Size  int             `json:"size,omitempty"`  // Of the data that follows.
	Value json.RawMessage `json:"value,omitempty"` // Of progress and result.
	Text  string          `json:"text,omitempty"`  // Of an error.
}

var errProtocol = errors.New("not the protocol of the control socket")

// writer sends lines and data. Its methods are safe for concurrent use.
type writer struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func newWriter(w io.Writer) *writer { return &writer{w: bufio.NewWriterSize(w, 64<<10)} }

// line sends a line of JSON, and what was buffered before.
func (w *writer) line(v any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.encode(v); err != nil {
		return err
	}
	return w.w.Flush()
}

func (w *writer) encode(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := w.w.Write(b); err != nil {
		return err
	}
	return w.w.WriteByte('\n')
}

// Write sends data frames. They may stay in the buffer until the next line.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for n < len(p) {
		chunk := p[n:min(len(p), n+maxData)]
		if err := w.encode(frame{Kind: kindData, Size: len(chunk)}); err != nil {
			return n, err
		}
		m, err := w.w.Write(chunk)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (w *writer) value(kind string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.line(frame{Kind: kind, Value: b})
}

// reader reads lines and data.
type reader struct{ r *bufio.Reader }

func newReader(r io.Reader) *reader { return &reader{bufio.NewReaderSize(r, 64<<10)} }

// line reads a line of JSON into v. It returns io.EOF at the end of the connection.
func (r *reader) line(v any) error {
	var line []byte
	for {
		part, err := r.r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return fmt.Errorf("%w: line is too long", errProtocol)
		}
		line = append(line, part...)
		switch {
		case err == nil:
			if err := json.Unmarshal(line, v); err != nil {
				return fmt.Errorf("%w: %v", errProtocol, err)
			}
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return io.ErrUnexpectedEOF
		default:
			return err
		}
	}
}

// frame reads a frame; the data of a data frame must then be read.
func (r *reader) frame() (frame, error) {
	var f frame
	if err := r.line(&f); err != nil {
		return frame{}, err
	}
	if f.Size < 0 || f.Size > maxData || f.Size > 0 && f.Kind != kindData {
		return frame{}, fmt.Errorf("%w: %s frame of %d bytes", errProtocol, f.Kind, f.Size)
	}
	return f, nil
}

// copyData copies the data of a frame.
func (r *reader) copyData(w io.Writer, f frame) error {
	_, err := io.CopyN(w, r.r, int64(f.Size))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
