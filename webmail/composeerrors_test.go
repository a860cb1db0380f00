package webmail

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"mox/internal/jsoncall"
)

// Whatever goes wrong, a page is told a code and a sentence, and nothing of the inside.
func TestErrorsOfAllCalls(t *testing.T) {
	t.Parallel()
	// Those that need no account.
	without := map[string]bool{"EventTypes": true, "RecipientSecurity": true, "ActionCancel": true}
	e, _ := newSendingEnv(t)
	added := e.deliver("", simple("bob@example.com", "x", "y"))
	gone, _, _ := e.logIn("ann")
	if err := e.acc.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.store.Remove(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(gone)
	cancel()
	api := reflect.ValueOf(e.api)
	for i := range api.NumMethod() {
		name := api.Type().Method(i).Name
		call := api.Method(i)
		for _, ctx := range []context.Context{gone, over} {
			in := []reflect.Value{reflect.ValueOf(ctx)}
			for k := 1; k < call.Type().NumIn(); k++ {
				v := reflect.New(call.Type().In(k)).Elem()
				if v.Kind() == reflect.String {
					v.SetString(added.Email.String())
				}
				in = append(in, v)
			}
			out := call.Call(in)
			err, _ := out[len(out)-1].Interface().(error)
			if err == nil {
				if !without[name] {
					t.Errorf("%s gives no error", name)
				}
				continue
			}
			told, ok := errors.AsType[*jsoncall.Error](err)
			if !ok || !strings.HasPrefix(told.Code, "user:") && !strings.HasPrefix(told.Code, "server:") || told.Message == "" {
				t.Errorf("%s: error %#v", name, err)
				continue
			}
			for _, inside := range []string{"/", "account", "bstore", "context", "nil", "store"} {
				if strings.Contains(strings.ToLower(told.Message), inside) {
					t.Errorf("%s tells %q", name, told.Message)
				}
			}
		}
	}
}
