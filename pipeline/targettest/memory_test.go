package targettest

import (
	"errors"
	"testing"

	"mox/pipeline"
	"mox/smtp"
)

func recipient(t *testing.T, s string) pipeline.Recipient {
	p, err := smtp.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Recipient{Path: p}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T) Harness {
		refused := recipient(t, "refused@example.org")
		m := &Memory{RecipientErr: func(p smtp.Path) error {
			if p == refused.Path {
				return errors.New("refused")
			}
			return nil
		}}
		t.Cleanup(func() {
			if n := m.Open(); n != 0 {
				t.Errorf("%d deliveries were not ended", n)
			}
		})
		return Harness{
			Target:     m,
			Recipients: []pipeline.Recipient{recipient(t, "a@example.org"), recipient(t, "b@example.org")},
			Refused:    []pipeline.Recipient{refused},
			Messages: func(t *testing.T, r pipeline.Recipient) []string {
				var l []string
				for _, msg := range m.Messages() {
					if msg.Recipient.Path == r.Path {
						l = append(l, msg.Content)
					}
				}
				return l
			},
		}
	})
}

// What a fake is told to refuse must be refused, else the tests that rely on it test nothing.
func TestMemoryFailsOnDemand(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	r := recipient(t, "a@example.org")
	for name, m := range map[string]*Memory{
		"Begin":     {BeginErr: func(pipeline.Envelope) error { return boom }},
		"Recipient": {RecipientErr: func(smtp.Path) error { return boom }},
		"Body":      {BodyErr: func() error { return boom }},
		"Commit":    {CommitErr: func(smtp.Path) error { return boom }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results, err := pipeline.Deliver(t.Context(), m, pipeline.Envelope{ID: "x"}, []pipeline.Recipient{r}, newBody(simple))
			if err == nil {
				err = results[0]
			}
			if !errors.Is(err, boom) {
				t.Fatalf("got %v", err)
			}
			if len(m.Messages()) != 0 || m.Open() != 0 {
				t.Fatal("something was committed or is open")
			}
		})
	}
}
