package pipeline_test

import (
	"context"
	"fmt"
	"net/netip"

	"mox/pipeline"
	"mox/smtp"
)

// noHello is a check that quarantines mail from clients that do not say who they are.
type noHello struct{}

func (noHello) Name() string { return "nohello" }

func (noHello) Start(_ context.Context, conn pipeline.Conn) (pipeline.CheckState, error) {
	return &noHelloState{conn: conn}, nil
}

// noHelloState embeds NopState and so has to write the stage only that it cares for.
type noHelloState struct {
	pipeline.NopState
	conn pipeline.Conn
}

func (s *noHelloState) Connection(context.Context) (pipeline.Result, error) {
	if _, err := netip.ParseAddr(s.conn.Hello); err != nil && s.conn.Hello != "localhost" {
		return pipeline.Result{}, nil
	}
	return pipeline.Result{Verdict: pipeline.Quarantine, Reason: "nohello"}, nil
}

func ExampleCheck() {
	ctx := context.Background()
	runner := pipeline.NewRunner(pipeline.RunnerOptions{
		Checks:   []pipeline.Use{{Check: noHello{}}},
		Hostname: "mx.example.org",
	})
	for _, hello := range []string{"client.example.net", "192.0.2.1"} {
		tx := runner.Begin(ctx, pipeline.Conn{Hello: hello})
		to, _ := smtp.ParsePath("alice@example.org")
		if refusal := tx.Sender(ctx, pipeline.Envelope{}); refusal != nil {
			fmt.Println(refusal)
		}
		if refusal := tx.Recipient(ctx, pipeline.Recipient{Path: to, Account: "alice", Mailbox: "Inbox"}); refusal != nil {
			fmt.Println(refusal)
		}
		body := pipeline.NewSpool("", 0)
		if err := body.Finish(); err != nil {
			fmt.Println(err)
		}
		for _, d := range tx.Message(ctx, pipeline.Envelope{}, body, nil) {
			fmt.Printf("%s: %s %q\n", hello, d.Recipient.Mailbox, d.Reason)
		}
		body.Close()
		tx.Close()
	}
	// Output:
	// client.example.net: Inbox ""
	// 192.0.2.1: Junk "nohello"
}
