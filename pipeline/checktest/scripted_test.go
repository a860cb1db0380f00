package checktest

import (
	"context"
	"io"
	"testing"

	"mox/pipeline"
	"mox/smtp"
)

func TestScripted(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T) Harness {
		c := &Scripted{
			OnSender: func(context.Context, pipeline.Envelope) (pipeline.Result, error) {
				return pipeline.Result{Verdict: pipeline.Quarantine, Reason: "test", Facts: []pipeline.Fact{{Name: "a", Value: "b"}}}, nil
			},
			OnStream: func() io.Writer { return io.Discard },
		}
		t.Cleanup(func() {
			if n := c.Open(); n != 0 {
				t.Errorf("%d states were not closed", n)
			}
		})
		return Harness{Check: c}
	})
}

// The suite must find each breach of the contract.
func TestProblems(t *testing.T) {
	t.Parallel()
	refusal := func(code int, enhanced smtp.EnhancedCode, text string) *smtp.Error {
		return &smtp.Error{Code: code, Enhanced: enhanced, Text: text}
	}
	for _, tt := range []struct {
		name       string
		r          pipeline.Result
		recipients int
		bad        bool
	}{
		{"zero", pipeline.Result{}, 0, false},
		{"reject", pipeline.Result{Verdict: pipeline.Reject, Reply: refusal(550, "5.7.1", "no")}, 0, false},
		{"reject without reply", pipeline.Result{Verdict: pipeline.Reject}, 0, false},
		{"fields", pipeline.Result{Prepend: []byte("A: b\r\n c\r\n")}, 0, false},
		{"recipients", pipeline.Result{Recipients: make([]pipeline.Result, 2)}, 2, false},
		{"verdict", pipeline.Result{Verdict: 3}, 0, true},
		{"reply without reject", pipeline.Result{Reply: refusal(550, "5.7.1", "no")}, 0, true},
		{"code", pipeline.Result{Verdict: pipeline.Reject, Reply: refusal(250, "2.0.0", "ok")}, 0, true},
		{"classes", pipeline.Result{Verdict: pipeline.Reject, Reply: refusal(550, "4.7.1", "no")}, 0, true},
		{"two lines", pipeline.Result{Verdict: pipeline.Reject, Reply: refusal(550, "5.7.1", "no\r\n250 ok")}, 0, true},
		{"reason", pipeline.Result{Verdict: pipeline.Quarantine, Reason: "a b"}, 0, true},
		{"bare LF", pipeline.Result{Prepend: []byte("A: b\n")}, 0, true},
		{"no colon", pipeline.Result{Prepend: []byte("A b\r\n")}, 0, true},
		{"other recipients", pipeline.Result{Recipients: make([]pipeline.Result, 2)}, 3, true},
		{"no method", pipeline.Result{AuthResults: []pipeline.AuthResult{{Result: "pass"}}}, 0, true},
		{"no fact", pipeline.Result{Facts: []pipeline.Fact{{Value: "x"}}}, 0, true},
		{"bad for a recipient", pipeline.Result{Recipients: []pipeline.Result{{Verdict: 9}}}, 1, true},
	} {
		if got := problemOf(tt.r, tt.recipients); (got != "") != tt.bad {
			t.Errorf("%s: problem %q, want one: %v", tt.name, got, tt.bad)
		}
	}
}
