package webmail

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// newCalls counts calls of the API, which it registers unless reg is nil. It returns what is to be told of each.
func newCalls(reg prometheus.Registerer) func(function, code string, took time.Duration) {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "mox_webmail_call_duration_seconds",
		Help:    "Calls that pages of the webmail made, by function, and how long they took.",
		Buckets: []float64{0.001, 0.005, 0.02, 0.1, 0.5, 2, 10},
	}, []string{"function"})
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mox_webmail_call_errors_total",
		Help: "Calls that pages of the webmail made and that failed, by function and code of the error.",
	}, []string{"function", "code"})
	if reg != nil {
		reg.MustRegister(duration, failures)
	}
	return func(function, code string, took time.Duration) {
		duration.WithLabelValues(function).Observe(took.Seconds())
		if code != "" {
			failures.WithLabelValues(function, code).Inc()
		}
	}
}
