package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mox/imap"
	"mox/store"
	"mox/store/storetest"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	s := storetest.New(t, bare, func(o *store.Options) { o.Dir = dir })
	a := storetest.Account(t, s, "a")
	set := func(name, value string, unchanged imap.ModSeq) imap.ModSeq {
		t.Helper()
		modseq, err := a.SetSetting(ctx, store.System, name, []byte(value), unchanged)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return modseq
	}
	want := func(name, value string, modseq imap.ModSeq) {
		t.Helper()
		got, m, err := a.Setting(ctx, name)
		if err != nil || m != modseq || string(got) != value || (got == nil) != (modseq == 0) {
			t.Errorf("%s: %q, modseq %d, %v, want %q, %d", name, got, m, err, value, modseq)
		}
	}
	want("labels", "", 0)
	since, err := a.ModSeq(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first := set("labels", "red", 0) // Only if there is none.
	want("labels", "red", first)
	if again := set("labels", "red", first); again != first {
		t.Errorf("the same value has modseq %d, had %d", again, first)
	}
	second := set("labels", "green", first)
	want("labels", "green", second)
	large := strings.Repeat("x", store.MaxSetting)
	want("large", large, set("large", large, -1))
	want("empty", "", set("empty", "", -1))
	if modseq, err := a.SetSetting(ctx, store.System, "large", nil, -1); err != nil || modseq != 0 {
		t.Errorf("removed: %d, %v", modseq, err)
	}
	if modseq, err := a.SetSetting(ctx, store.System, "large", nil, 0); err != nil || modseq != 0 {
		t.Errorf("removed again: %d, %v", modseq, err)
	}
	want("large", "", 0)
	var told []string
	l, _, err := a.ChangesSince(ctx, since, 100)
	for _, c := range l {
		told = append(told, fmt.Sprintf("+%d %d %s", c.ModSeq-since, c.Kind, c.Name))
	}
	if err != nil || !slices.Equal(told, []string{"+1 11 labels", "+2 11 labels", "+3 11 large", "+4 11 empty", "+5 11 large"}) {
		t.Errorf("changes %q, %v", told, err)
	}

	for _, tc := range []struct {
		what, name string
		value      []byte
		unchanged  imap.ModSeq
		want       error
	}{
		{"changed meanwhile", "labels", []byte("blue"), first, store.ErrSettingChanged},
		{"there is one", "labels", []byte("blue"), 0, store.ErrSettingChanged},
		{"there is none", "large", []byte("blue"), first, store.ErrSettingChanged},
		{"removed meanwhile", "large", nil, first, store.ErrSettingChanged},
		{"the same value, changed meanwhile", "labels", []byte("green"), first, store.ErrSettingChanged},
		{"too large", "labels", make([]byte, store.MaxSetting+1), -1, store.ErrBadSetting},
		{"no name", "", nil, -1, store.ErrBadSetting},
		{"long name", strings.Repeat("x", 101), nil, -1, store.ErrBadSetting},
		{"name not UTF-8", "\xff", nil, -1, store.ErrBadSetting},
	} {
		if _, err := a.SetSetting(ctx, store.System, tc.name, tc.value, tc.unchanged); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.what, err, tc.want)
		}
	}

	// They are there after the account was closed, and their number has an end.
	s.Close()
	a = storetest.Account(t, storetest.New(t, func(o *store.Options) { o.Dir = dir }), "a")
	want("labels", "green", second)
	for i := range 254 {
		set(fmt.Sprint(i), "x", -1)
	}
	if _, err := a.SetSetting(ctx, store.System, "more", []byte("x"), -1); !errors.Is(err, store.ErrBadSetting) {
		t.Errorf("one setting too many: %v", err)
	}
	set("labels", "blue", -1)
}

// Of those that change a setting at the same time, from the same modseq, one succeeds.
func TestSettingCompareAndSet(t *testing.T) {
	t.Parallel()
	a := storetest.Account(t, storetest.New(t), "a")
	var done atomic.Int64
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			_, err := a.SetSetting(t.Context(), store.System, "x", bytes.Repeat([]byte{'x'}, i+1), 0)
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, store.ErrSettingChanged) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if done.Load() != 1 {
		t.Errorf("%d have set it", done.Load())
	}
}
