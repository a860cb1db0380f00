// Package jsoncall answers calls that pages make of functions in Go: a POST of {"params": [...]} to the name of a function, answered
// with {"result": ...} or {"error": {"code": ..., "message": ...}}.
//
// That is the protocol of sherpa, whose tools describe an API and write its clients. The handler of sherpa finds functions by
// going through the methods of a value at run time, for which the linker has to keep every exported method of every type in the
// program: that was a seventh of mox. Here they are listed.
package jsoncall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"reflect"
	"time"
)

// Error is what a caller is told. A function may return one; that goes with status 200.
type Error struct {
	Code    string `json:"code"` // For programs. It begins with "user:", "server:" or, for a call that is malformed, "sherpa:".
	Message string `json:"message"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Codes of calls that reach no function, or fail without saying why.
const (
	CodeBadFunction = "sherpa:badFunction" // There is none of that name.
	CodeBadRequest  = "sherpa:badRequest"  // The request is no call.
	CodeBadParams   = "sherpa:badParams"   // The parameters are not those of the function.
	CodeFailed      = "server:error"       // The function returned another error, which is logged.
)

// Options for New.
type Options struct {
	// MaxSize is the largest body of a request, in bytes. Required.
	MaxSize int64

	// Observe is told of each call that was made, with the code of its error, or "". Default: nobody is.
	Observe func(function, code string, took time.Duration)

	// Log gets errors that are no Error. Default: discard.
	Log *slog.Logger
}

// Handler answers calls, at paths that are the name of a function after a slash. It is safe for concurrent use.
type Handler struct {
	opts      Options
	functions map[string]function
}

// function is one that can be called.
type function struct {
	value  reflect.Value
	params []reflect.Type // Without the context.
}

// New returns a Handler for functions by their names. Each takes a context, which ends with the request, and what
// encoding/json can decode; it returns what that can encode, and an error last. It is an error if one does not.
func New(functions map[string]any, opts Options) (*Handler, error) {
	if opts.MaxSize <= 0 {
		return nil, errors.New("jsoncall: MaxSize is required")
	}
	if opts.Observe == nil {
		opts.Observe = func(string, string, time.Duration) {}
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{opts, make(map[string]function, len(functions))}
	for name, f := range functions {
		t := reflect.TypeOf(f)
		if t == nil || t.Kind() != reflect.Func || t.IsVariadic() ||
			t.NumIn() == 0 || t.In(0) != reflect.TypeFor[context.Context]() ||
			t.NumOut() == 0 || t.Out(t.NumOut()-1) != reflect.TypeFor[error]() {
			return nil, fmt.Errorf("jsoncall: %s is a %v, not a function of a context that returns an error", name, t)
		}
		fn := function{value: reflect.ValueOf(f)}
		for i := 1; i < t.NumIn(); i++ {
			fn.params = append(fn.params, t.In(i))
		}
		h.functions[name] = fn
	}
	return h, nil
}

// ServeHTTP answers a call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, http.StatusMethodNotAllowed, CodeBadRequest, "Functions are called with POST.")
		return
	}
	name := r.URL.Path
	if name != "" && name[0] == '/' {
		name = name[1:]
	}
	f, ok := h.functions[name]
	if !ok {
		h.refuse(w, http.StatusNotFound, CodeBadFunction, "There is no such function.")
		return
	}
	// A form of another site can send other types without asking.
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		h.refuse(w, http.StatusUnsupportedMediaType, CodeBadRequest, "Calls are of type application/json.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.opts.MaxSize))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		h.refuse(w, http.StatusRequestEntityTooLarge, CodeBadRequest, fmt.Sprintf("The call is larger than %d bytes.", h.opts.MaxSize))
		return
	} else if err != nil {
		return // The client is gone, or sent something else than HTTP.
	}
	args, refused := f.decode(r.Context(), body)
	if refused != nil {
		h.refuse(w, http.StatusBadRequest, refused.Code, refused.Message)
		return
	}
	start := time.Now()
	result, err := f.call(args)
	if err != nil {
		told, ok := errors.AsType[*Error](err)
		if !ok {
			h.opts.Log.Error("call failed", "call", name, "err", err)
			told = &Error{CodeFailed, "The server failed. Its log has more."}
		}
		h.opts.Observe(name, told.Code, time.Since(start))
		h.write(w, http.StatusOK, answer{Error: told})
		return
	}
	h.opts.Observe(name, "", time.Since(start))
	h.write(w, http.StatusOK, answer{Result: result})
}

// decode returns the arguments for a call, or why they are none.
func (f function) decode(ctx context.Context, body []byte) ([]reflect.Value, *Error) {
	var call struct {
		Params []json.RawMessage `json:"params"`
	}
	if err := decodeStrictly(body, &call); err != nil {
		return nil, &Error{CodeBadRequest, "The call is malformed: " + err.Error()}
	}
	if len(call.Params) != len(f.params) {
		return nil, &Error{CodeBadParams, fmt.Sprintf("The function has %d parameters, not %d.", len(f.params), len(call.Params))}
	}
	args := []reflect.Value{reflect.ValueOf(ctx)}
	for i, t := range f.params {
		v := reflect.New(t)
		if err := decodeStrictly(call.Params[i], v.Interface()); err != nil {
			return nil, &Error{CodeBadParams, fmt.Sprintf("Parameter %d: %v", i+1, err)}
		}
		args = append(args, v.Elem())
	}
	return args, nil
}

// decodeStrictly decodes one value, which is all there is, and has no fields that are not known.
func decodeStrictly(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more follows the value")
	}
	return nil
}

// call returns what the function does: its one result, or a list if there are several.
func (f function) call(args []reflect.Value) (any, error) {
	out := f.value.Call(args)
	last := len(out) - 1
	if err, _ := out[last].Interface().(error); err != nil {
		return nil, err
	}
	switch last {
	case 0:
		return nil, nil
	case 1:
		return out[0].Interface(), nil
	}
	l := make([]any, last)
	for i := range l {
		l[i] = out[i].Interface()
	}
	return l, nil
}

type answer struct {
	Result any    `json:"result"`
	Error  *Error `json:"error,omitempty"`
}

func (h *Handler) refuse(w http.ResponseWriter, status int, code, message string) {
	h.write(w, status, answer{Error: &Error{code, message}})
}

func (h *Handler) write(w http.ResponseWriter, status int, a answer) {
	body, err := json.Marshal(a)
	if err != nil {
		h.opts.Log.Error("result of a call cannot be encoded", "err", err)
		status, body = http.StatusInternalServerError, []byte(`{"result":null,"error":{"code":"`+CodeFailed+`","message":"The server failed. Its log has more."}}`)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body) // An error is of the connection.
}
