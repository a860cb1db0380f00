package webmail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"mox/message"
)

// One account has its images fetched at once as far as it may, and others then too.
func TestRemoteSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRemoteSlots()
		ctx, cancel := context.WithCancel(t.Context())
		var leaves []func()
		for range remoteAccount {
			leave, err := r.enter(ctx, 1)
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		entered := make(chan error)
		go func() {
			leave, err := r.enter(ctx, 1)
			if err == nil {
				leave()
			}
			entered <- err
		}()
		synctest.Wait()
		select {
		case err := <-entered:
			t.Errorf("one account has more than its share: %v", err)
		default:
		}
		other, err := r.enter(ctx, 2)
		if err != nil {
			t.Fatal(err)
		}
		other()
		cancel()
		if err := <-entered; !errors.Is(err, context.Canceled) {
			t.Errorf("who waits and goes: %v", err)
		}
		for _, leave := range leaves {
			leave()
		}
		if len(r.accounts) != 0 {
			t.Errorf("%d accounts are remembered", len(r.accounts))
		}
	})
}

// The addresses of lists and images say whose mail they were in: the log does not have them.
func TestRequestsNotLogged(t *testing.T) {
	t.Parallel()
	const secret = "token-of-ann"
	var log bytes.Buffer
	e := newEnv(t, func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Client = &http.Client{Transport: failing{}}
	})
	added := e.deliver("", simple("Bob <bob@example.com>", "a", "hello"))
	address := e.server.reader.remoteAddress(added.Email, "https://img.example/?"+secret)
	if resp, _ := e.get("/message/" + added.Email.String() + "/" + strings.TrimPrefix(address, "./")); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d", resp.StatusCode)
	}
	l := &letter{header: []byte("List-Unsubscribe: <https://lists.example/" + secret + ">\r\n\r\n"), envelope: &message.Envelope{}}
	u, _ := unsubscribeOf(l, &evidence{})
	to := listURLs([]byte("<" + u.Web + ">"))[0]
	if err := leaveList(e.ctx, e.server.opts.Client, to); !errors.Is(err, errUnsubscribe) || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
	if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "remote image not fetched") {
		t.Errorf("log: %s", &log)
	}
}

// failing is a transport that reaches nobody.
type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("unreachable")
}
