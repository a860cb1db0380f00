package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"mox/dns"
)

// lookupTest is a command that looks names up, and what is expected of it.
type lookupTest struct {
	args  []string
	stdin string
	code  int
	out   []string // Parts of standard output.
	err   string   // Part of standard error; empty if there is to be none.
}

// runLookups runs commands with a resolver.
func runLookups(t *testing.T, r dns.Resolver, tests []lookupTest) {
	t.Helper()
	for _, tc := range tests {
		var out, errs bytes.Buffer
		code := runWith(t.Context(), r, tc.args, strings.NewReader(tc.stdin), &out, &errs)
		name := strings.Join(tc.args, " ")
		if code != tc.code {
			t.Errorf("mox %s: exit code %d, want %d\n%s%s", name, code, tc.code, out.String(), errs.String())
		}
		for _, want := range tc.out {
			if !strings.Contains(out.String(), want) {
				t.Errorf("mox %s: %q is missing in\n%s", name, want, out.String())
			}
		}
		if tc.err == "" && errs.Len() > 0 || !strings.Contains(errs.String(), tc.err) {
			t.Errorf("mox %s: stderr %q, want %q", name, errs.String(), tc.err)
		}
		if code == exitUsage && out.Len() > 0 {
			t.Errorf("mox %s: wrong usage, and yet output %q", name, out.String())
		}
	}
}

// lookupJSON runs a command with --json and decodes what it prints.
func lookupJSON(t *testing.T, r dns.Resolver, code int, v any, stdin string, args ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := runWith(t.Context(), r, append(args, "--json"), strings.NewReader(stdin), &out, &errs); got != code {
		t.Fatalf("mox %s: exit code %d, want %d: %s", strings.Join(args, " "), got, code, errs.String())
	}
	dec := json.NewDecoder(&out)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		t.Fatalf("mox %s: %v", strings.Join(args, " "), err)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Errorf("mox %s: more than one value: %v", strings.Join(args, " "), err)
	}
}

// silence answers nothing until the context ends.
func silence(ctx context.Context, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// All commands that ask DNS end by themselves, and when they are interrupted.
func TestLookupsEnd(t *testing.T) {
	t.Parallel()
	r := &dns.MemResolver{Before: silence}
	signed := "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\nFrom: a@example.org\r\n\r\n"
	for _, args := range []string{
		"dns lookup mx example.org",
		"spf check example.org 192.0.2.1",
		"spf lookup example.org",
		"dmarc lookup example.org",
		"dmarc checkreportaddrs example.org",
		"dmarc verify 192.0.2.1 a@example.org mx.example.org",
		"dnsbl check bl.example.net 192.0.2.1",
		"dnsbl checkhealth bl.example.net",
		"dkim lookup x example.org",
		"dkim verify",
	} {
		var out, errs bytes.Buffer
		code := runWith(t.Context(), r, strings.Fields(args+" --timeout 1ms"), strings.NewReader(signed), &out, &errs)
		if code != exitFailure || !strings.Contains(errs.String(), "no result within 1ms; try again later, or give it more time with --timeout") {
			t.Errorf("mox %s: exit code %d, %s%s", args, code, out.String(), errs.String())
		}

		ctx, cancel := context.WithCancel(t.Context())
		interrupted := &dns.MemResolver{Before: func(ctx context.Context, _, _ string) error {
			cancel()
			return silence(ctx, "", "")
		}}
		out.Reset()
		errs.Reset()
		code = runWith(ctx, interrupted, strings.Fields(args), strings.NewReader(signed), &out, &errs)
		if code != exitFailure || out.Len() > 0 || !strings.HasSuffix(errs.String(), ": interrupted\n") {
			t.Errorf("mox %s, interrupted: exit code %d, %s%s", args, code, out.String(), errs.String())
		}

		errs.Reset()
		if code := runWith(t.Context(), r, strings.Fields(args+" --timeout 0s"), strings.NewReader(signed), &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "leaves no time") {
			t.Errorf("mox %s without time: exit code %d, %s", args, code, errs.String())
		}
	}
}

// A message that never comes does not keep a command from being interrupted.
func TestMessageFromSilentInput(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"dkim verify", "dkim verify -", "dkim txt", "arc verify", "dmarc verify 192.0.2.1 a@example.org mx.example.org"} {
		ctx, cancel := context.WithCancel(t.Context())
		in, w := io.Pipe()
		var errs bytes.Buffer
		done := make(chan int)
		go func() {
			done <- runWith(ctx, &dns.MemResolver{}, strings.Fields(args), in, io.Discard, &errs)
		}()
		go func() {
			io.WriteString(w, "From: a@example.org\r\n")
			cancel() // It is being read.
		}()
		if code := <-done; code != exitFailure || !strings.HasSuffix(errs.String(), ": interrupted\n") {
			t.Errorf("mox %s: exit code %d, %s", args, code, errs.String())
		}
		w.Close()
	}
}

// Messages in files have line ends of either kind, and come out as they were.
func TestMessageLineEnds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100<<10)
	for _, tc := range []struct{ in, read string }{
		{"", ""},
		{"a", "a"},
		{"\n", "\r\n"},
		{"a: b\n\nc\n", "a: b\r\n\r\nc\r\n"},
		{"a: b\r\n\r\nc\r\n", "a: b\r\n\r\nc\r\n"},
		{"a: b\r\n\r\nbare\nlf\r\n", "a: b\r\n\r\nbare\nlf\r\n"},
		{"a: b\n\nlone\rcr\n\r", "a: b\r\n\r\nlone\rcr\r\n\r"},
		{"a: b\n" + long + "\n\n" + long + "\n", "a: b\r\n" + long + "\r\n\r\n" + long + "\r\n"},
	} {
		for _, size := range []int{1, 2, 3, 1 << 15} {
			m := newMessageFile(strings.NewReader(tc.in))
			var read, written bytes.Buffer
			if _, err := io.CopyBuffer(struct{ io.Writer }{&read}, struct{ io.Reader }{m}, make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			if read.String() != tc.read {
				t.Errorf("%.40q by %d: read as %.60q, want %.60q", tc.in, size, read.String(), tc.read)
			}
			w := m.lineEnds(&written)
			if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{&read}, make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil || written.String() != tc.in {
				t.Errorf("%.40q by %d: written as %.60q, %v", tc.in, size, written.String(), err)
			}
		}
	}
}
