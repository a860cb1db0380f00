package proxy

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what any number of handlers do. It is made once for each registry,
// and outlives the handlers, which come and go with the configuration.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	healthy  *prometheus.GaugeVec
}

// Results of requests to an upstream, a label of metrics.
const (
	resultOK       = "ok"       // The response was passed on, whatever its code.
	resultDial     = "dial"     // No connection.
	resultTimeout  = "timeout"  // No connection, or no head of a response, in time.
	resultBroken   = "broken"   // The connection ended before the head of the response, or within its body.
	resultStale    = "stale"    // A kept connection had ended; the request was sent again.
	resultInvalid  = "invalid"  // The response was malformed.
	resultCanceled = "canceled" // The client went away.
)

// NewMetrics registers metrics of proxies.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_http_proxy_requests_total",
			Help: "Requests sent to upstreams, by upstream and result: ok, dial, timeout, broken, stale, invalid, canceled.",
		}, []string{"upstream", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mox_http_proxy_header_seconds",
			Help:    "Time from the request to the head of the response of an upstream.",
			Buckets: []float64{0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60},
		}, []string{"upstream"}),
		healthy: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mox_http_proxy_upstream_healthy",
			Help: "1 when an upstream gets requests, 0 when it is left out after failures.",
		}, []string{"upstream"}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.healthy)
	}
	return m
}

// upstreamMetrics are those of one upstream. The zero value counts nothing.
type upstreamMetrics struct {
	requests *prometheus.CounterVec
	ok       prometheus.Counter
	seconds  prometheus.Observer
	healthy  prometheus.Gauge
}

func (m *Metrics) upstream(name string) upstreamMetrics {
	if m == nil {
		return upstreamMetrics{}
	}
	um := upstreamMetrics{
		requests: m.requests.MustCurryWith(prometheus.Labels{"upstream": name}),
		seconds:  m.seconds.WithLabelValues(name),
		healthy:  m.healthy.WithLabelValues(name),
	}
	um.ok = um.requests.WithLabelValues(resultOK)
	um.healthy.Set(1)
	return um
}

func (m *upstreamMetrics) result(result string) {
	switch {
	case m.requests == nil:
	case result == resultOK:
		m.ok.Inc()
	default:
		m.requests.WithLabelValues(result).Inc()
	}
}

func (m *upstreamMetrics) header(d time.Duration) {
	if m.seconds != nil {
		m.seconds.Observe(d.Seconds())
	}
}

func (m *upstreamMetrics) setHealthy(ok bool) {
	switch {
	case m.healthy == nil:
	case ok:
		m.healthy.Set(1)
	default:
		m.healthy.Set(0)
	}
}
