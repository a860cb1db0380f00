package smtpserver

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/panics"
	"mox/pipeline"
)

// Results of deliveries, the label of a metric.
const (
	resultAccount  = "account"  // Committed in an account.
	resultQueue    = "queue"    // Committed in the queue.
	resultRefused  = "refused"  // Permanently refused after DATA.
	resultDeferred = "deferred" // Refused for now after DATA.
	resultAborted  = "aborted"  // The connection failed during the data.
)

// metrics of a server. All labels have values from closed sets.
type metrics struct {
	connections *prometheus.CounterVec
	refused     *prometheus.CounterVec
	open        *prometheus.GaugeVec
	tls         *prometheus.CounterVec
	auth        *prometheus.CounterVec
	commands    *prometheus.HistogramVec
	deliveries  *prometheus.HistogramVec
	bytes       *prometheus.CounterVec
	checks      *prometheus.HistogramVec
	observers   observers // Of checks.
	panics      prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "mox", Subsystem: "smtpserver", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "mox", Subsystem: "smtpserver", Name: name, Help: help, Buckets: buckets}, labels)
	}
	buckets := []float64{.0005, .001, .0025, .005, .01, .05, .1, .5, 1, 5, 30, 120}
	m := &metrics{
		connections: counter("connections_total", "Connections accepted.", "kind"),
		refused:     counter("connections_refused_total", "Connections turned away because of limits.", "kind"),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "mox", Subsystem: "smtpserver", Name: "connections", Help: "Open connections.",
		}, []string{"kind"}),
		tls:        counter("tls_handshakes_total", "TLS handshakes, by result.", "kind", "result"),
		auth:       counter("auth_total", "Login attempts, by result.", "kind", "mechanism", "result"),
		commands:   histogram("command_seconds", "Time to answer commands, by class of the reply.", buckets, "kind", "command", "class"),
		deliveries: histogram("delivery_seconds", "Time from DATA to the final reply, by result.", buckets, "kind", "result"),
		bytes:      counter("received_bytes_total", "Bytes of messages accepted.", "kind"),
		checks:     histogram("check_seconds", "Time that checks take, by stage and verdict.", buckets, "check", "stage", "verdict"),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "mox", Subsystem: "smtpserver", Name: "panics_total", Help: "Bugs caught while serving a connection.",
		}),
	}
	if r == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.connections, m.refused, m.open, m.tls, m.auth, m.commands, m.deliveries, m.bytes, m.checks, m.panics} {
		errs = append(errs, r.Register(c))
	}
	return m, errors.Join(errs...)
}

// check observes a call of a check.
func (m *metrics) check(check string, stage pipeline.Stage, v pipeline.Verdict, err error, d time.Duration) {
	verdict := v.String()
	if err != nil {
		verdict = "error"
		if _, ok := errors.AsType[*panics.Error](err); ok {
			m.panics.Inc()
		}
	}
	m.observers.get(m.checks, checkLabels{check, stage, verdict}).Observe(d.Seconds())
}

// checkLabels are the labels of the metric of checks.
type checkLabels struct {
	check   string
	stage   pipeline.Stage
	verdict string
}

// observers keeps the histograms that labels stand for, since there are a dozen calls of checks for each message and
// each costs more to find its histogram than to count. It is safe for concurrent use.
type observers struct {
	mu sync.RWMutex
	m  map[checkLabels]prometheus.Observer
}

func (o *observers) get(vec *prometheus.HistogramVec, l checkLabels) prometheus.Observer {
	o.mu.RLock()
	h := o.m[l]
	o.mu.RUnlock()
	if h != nil {
		return h
	}
	h = vec.WithLabelValues(l.check, l.stage.String(), l.verdict)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.m == nil {
		o.m = make(map[checkLabels]prometheus.Observer)
	}
	o.m[l] = h
	return h
}
