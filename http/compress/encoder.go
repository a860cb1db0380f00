package compress

import (
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Level is how much work goes into an encoding.
type Level uint8

// The levels.
const (
	Fast  Level = iota // For what is made once per response.
	Dense              // For what is kept and sent many times.
)

// Memory per encoder is bounded by its window: an encoder is in use as long as its client
// reads, so there may be thousands. 256 KB find nearly all repetitions in a web page.
const (
	fastWindowBits  = 18
	denseWindowBits = 22 // Within the 8 MB that RFC 9659 §3 allows.
)

// encoder is what the three libraries have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// Pool has encoders of one level ready. It is safe for concurrent use.
type Pool struct {
	level Level
	pools [Encodings]sync.Pool
}

// NewPool returns an empty pool.
func NewPool(level Level) *Pool { return &Pool{level: level} }

// Writer is an encoder at work. It is not safe for concurrent use.
type Writer struct {
	encoder
	pool *Pool
	enc  Encoding
}

// Writer returns an encoder that writes to w. The caller calls either Close or Discard,
// and does not use the Writer after. It panics for Identity, which encodes nothing.
func (p *Pool) Writer(enc Encoding, w io.Writer) *Writer {
	if enc == Identity || enc >= Encodings {
		panic(fmt.Sprintf("compress: no encoder for %s", enc))
	}
	if wr, ok := p.pools[enc].Get().(*Writer); ok {
		wr.Reset(w)
		return wr
	}
	return &Writer{newEncoder(enc, p.level, w), p, enc}
}

// Close writes what is left and the end of the encoded form, and gives the encoder back.
func (w *Writer) Close() error {
	err := w.encoder.Close()
	w.release()
	return err
}

// Discard gives the encoder back without ending what was written, which whoever reads it
// can therefore tell is not whole.
func (w *Writer) Discard() { w.release() }

func (w *Writer) release() {
	// So that the pool does not keep the connection.
	w.Reset(io.Discard)
	w.pool.pools[w.enc].Put(w)
}

func newEncoder(enc Encoding, level Level, w io.Writer) encoder {
	switch enc {
	case Brotli:
		opts := brotli.WriterOptions{Quality: 4, LGWin: fastWindowBits}
		if level == Dense {
			opts = brotli.WriterOptions{Quality: 6, LGWin: denseWindowBits}
		}
		return brotli.NewWriterOptions(w, opts)
	case Zstd:
		speed, window := zstd.SpeedDefault, 1<<fastWindowBits
		if level == Dense {
			speed, window = zstd.SpeedBetterCompression, 1<<denseWindowBits
		}
		// The options are constants that the library knows, so there is no error.
		e, err := zstd.NewWriter(w, zstd.WithEncoderLevel(speed), zstd.WithWindowSize(window),
			zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err)
		}
		return e
	}
	n := 4
	if level == Dense {
		n = 7
	}
	// As above.
	e, err := gzip.NewWriterLevel(w, n)
	if err != nil {
		panic(err)
	}
	return e
}
