package jsoncall_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mox/internal/jsoncall"
)

type pair struct {
	Name  string
	Count int
}

// functions are those of the tests.
var functions = map[string]any{
	"Nothing": func(context.Context) error { return nil },
	"Double":  func(_ context.Context, n int) (int, error) { return 2 * n, nil },
	"Both":    func(_ context.Context, p pair, l []string) (pair, int, error) { return p, len(l), nil },
	"Told":    func(context.Context) error { return &jsoncall.Error{Code: "user:bad", Message: "So not."} },
	"Failed":  func(context.Context) (int, error) { return 1, errors.New("secret of the disk") },
	"Endless": func(context.Context) (any, error) { return func() {}, nil },
	"Context": func(ctx context.Context) (string, error) { s, _ := ctx.Value(key{}).(string); return s, nil },
}

type key struct{}

func TestCalls(t *testing.T) {
	var observed []string
	h, err := jsoncall.New(functions, jsoncall.Options{MaxSize: 200, Observe: func(function, code string, took time.Duration) {
		observed = append(observed, function+" "+code)
		if took < 0 {
			t.Errorf("%s took %s", function, took)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, body, contentType string
		status                  int
		want                    string // Whole, or its beginning if it ends in "...".
	}{
		{"/Nothing", `{"params":[]}`, "application/json", 200, `{"result":null}`},
		{"/Nothing", `{}`, "application/json", 200, `{"result":null}`},
		{"/Double", `{"params":[21]}`, "application/json", 200, `{"result":42}`},
		{"/Double", `{"params":[21]}`, "application/json; charset=utf-8", 200, `{"result":42}`},
		{"/Double", `{"params":[null]}`, "application/json", 200, `{"result":0}`},
		{"/Both", `{"params":[{"Name":"<a>","Count":2},["x","y"]]}`, "application/json", 200, `{"result":[{"Name":"\u003ca\u003e","Count":2},2]}`},
		{"/Context", `{"params":[]}`, "application/json", 200, `{"result":"mine"}`},
		{"/Told", `{"params":[]}`, "application/json", 200, `{"result":null,"error":{"code":"user:bad","message":"So not."}}`},
		{"/Failed", `{"params":[]}`, "application/json", 200, `{"result":null,"error":{"code":"server:error","message":"The server failed. Its log has more."}}`},
		{"/Endless", `{"params":[]}`, "application/json", 500, `{"result":null,"error":{"code":"server:error",...`},
		{"/Absent", `{"params":[]}`, "application/json", 404, `{"result":null,"error":{"code":"sherpa:badFunction",...`},
		{"/", `{"params":[]}`, "application/json", 404, `{"result":null,"error":{"code":"sherpa:badFunction",...`},
		{"/Double", `{"params":[1]}`, "text/plain", 415, `{"result":null,"error":{"code":"sherpa:badRequest",...`},
		{"/Double", `{"params":[1]}`, "", 415, `{"result":null,"error":{"code":"sherpa:badRequest",...`},
		{"/Double", `{"params":[1]`, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badRequest",...`},
		{"/Double", `{"params":[1]}{}`, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badRequest",...`},
		{"/Double", `{"params":[1],"more":1}`, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badRequest",...`},
		{"/Double", ``, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badRequest",...`},
		{"/Double", `{"params":[]}`, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badParams",...`},
		{"/Double", `{"params":[1,2]}`, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badParams",...`},
		{"/Double", `{"params":["1"]}`, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badParams",...`},
		{"/Double", `{"params":[1e99]}`, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badParams",...`},
		{"/Both", `{"params":[{"Nome":"a"},[]]}`, "application/json", 400, `{"result":null,"error":{"code":"sherpa:badParams",...`},
		{"/Double", `{"params":[1]}` + strings.Repeat(" ", 200), "application/json", 413, `{"result":null,"error":{"code":"sherpa:badRequest",...`},
	} {
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), key{}, "mine"), "POST", c.path, strings.NewReader(c.body))
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Body.String()
		begin, part := strings.CutSuffix(c.want, "...")
		if w.Code != c.status || got != c.want && (!part || !strings.HasPrefix(got, begin)) {
			t.Errorf("%s %q of %q: %d %s, want %d %s", c.path, c.body, c.contentType, w.Code, got, c.status, c.want)
		}
		if strings.Contains(got, "secret") {
			t.Errorf("%s tells of the inside: %s", c.path, got)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: header %v", c.path, w.Header())
		}
	}
	want := "Nothing |Nothing |Double |Double |Double |Both |Context |Told user:bad|Failed server:error|Endless "
	if got := strings.Join(observed, "|"); got != want {
		t.Errorf("observed %q, want %q", got, want)
	}

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/Nothing", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestNotAFunction(t *testing.T) {
	for name, f := range map[string]any{
		"nil":       nil,
		"value":     1,
		"noContext": func() error { return nil },
		"noError":   func(context.Context) int { return 1 },
		"variadic":  func(context.Context, ...int) error { return nil },
	} {
		if _, err := jsoncall.New(map[string]any{name: f}, jsoncall.Options{MaxSize: 1}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := jsoncall.New(nil, jsoncall.Options{}); err == nil {
		t.Error("no MaxSize: no error")
	}
}
