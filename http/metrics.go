package http

import (
	nethttp "net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics returns a handler that shows what gatherer has.
func Metrics(gatherer prometheus.Gatherer) nethttp.Handler {
	return promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{})
}

// metrics are of all requests. The label handler is the name of a service or of a handler of the
// configuration, or one of a few in parentheses.
type metrics struct {
	requests  *prometheus.CounterVec   // By handler, method and code.
	firstByte *prometheus.HistogramVec // By handler.
	duration  *prometheus.HistogramVec // By handler.
	received  *prometheus.CounterVec   // By handler.
	sent      *prometheus.CounterVec   // By handler.
	panics    prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_http_requests_total",
			Help: "HTTP requests, by what answered, method and status code.",
		}, []string{"handler", "method", "code"}),
		firstByte: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mox_http_response_header_seconds",
			Help:    "Time from the header of an HTTP request to the header of its response.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
		}, []string{"handler"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mox_http_request_seconds",
			Help:    "Time from the header of an HTTP request to the end of its response.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 11),
		}, []string{"handler"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_http_request_body_bytes_total",
			Help: "Bytes of bodies of HTTP requests.",
		}, []string{"handler"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_http_response_body_bytes_total",
			Help: "Bytes of bodies of HTTP responses, as they were sent.",
		}, []string{"handler"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mox_http_panics_total",
			Help: "Bugs that ended an HTTP request.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.firstByte, m.duration, m.received, m.sent, m.panics)
	}
	return m
}

// handlerMetrics are those of one handler.
type handlerMetrics struct {
	m                   *metrics
	name                string
	firstByte, duration prometheus.Observer
	received, sent      prometheus.Counter
	gets                prometheus.Counter // GET with code 200, the most frequent.
}

func (m *metrics) handler(name string) *handlerMetrics {
	return &handlerMetrics{
		m: m, name: name,
		firstByte: m.firstByte.WithLabelValues(name),
		duration:  m.duration.WithLabelValues(name),
		received:  m.received.WithLabelValues(name),
		sent:      m.sent.WithLabelValues(name),
		gets:      m.requests.WithLabelValues(name, nethttp.MethodGet, "200"),
	}
}

// observe counts a request. Code is 0 if there was no response.
func (h *handlerMetrics) observe(method string, code int, first, total time.Duration, received, sent int64) {
	if code == nethttp.StatusOK && method == nethttp.MethodGet {
		h.gets.Inc()
	} else {
		h.m.requests.WithLabelValues(h.name, methodLabel(method), codeLabel(code)).Inc()
	}
	if code != 0 {
		h.firstByte.Observe(first.Seconds())
	}
	h.duration.Observe(total.Seconds())
	if received > 0 {
		h.received.Add(float64(received))
	}
	h.sent.Add(float64(sent))
}

func methodLabel(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return m
	}
	return "other"
}

func codeLabel(code int) string {
	switch {
	case code == 0:
		return "none"
	case nethttp.StatusText(code) != "":
		return strconv.Itoa(code)
	}
	return strconv.Itoa(code/100) + "xx"
}
