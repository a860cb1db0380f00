package queue

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	added      prometheus.Counter
	attempts   *prometheus.CounterVec
	seconds    prometheus.Histogram
	requireTLS *prometheus.CounterVec
	signatures *prometheus.CounterVec
	changes    *prometheus.CounterVec
	panics     prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		added: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mox_queue_messages_added_total", Help: "Messages added to the queue.",
		}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_queue_attempts_total", Help: "Results of delivery attempts per recipient: delivered, temporary, permanent.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mox_queue_attempt_seconds", Help: "Time a delivery attempt took.",
			Buckets: []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 20, 60, 300, 1800},
		}),
		requireTLS: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_queue_requiretls_attempts_total", Help: "Results of delivery attempts per recipient for messages that require TLS: delivered, temporary, permanent, insecure.",
		}, []string{"result"}),
		signatures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_queue_signatures_total", Help: "Submissions and notifications by what became of signing them: signed, unsigned, error.",
		}, []string{"result"}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_queue_submissions_later_total", Help: "Submissions to be sent later, and what their senders did with them: scheduled, rescheduled, canceled.",
		}, []string{"change"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mox_queue_panics_total", Help: "Bugs caught while delivering.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.added, m.attempts, m.seconds, m.requireTLS, m.signatures, m.changes, m.panics)
	}
	return m
}
