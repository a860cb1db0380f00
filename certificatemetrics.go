package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/autotls"
)

// certificateMetrics are figures of certificates. Most are looked up when somebody asks.
type certificateMetrics struct {
	certificates *certificates
	requests     *prometheus.CounterVec

	notAfter, failures, lastSuccess, damaged *prometheus.Desc
}

var _ prometheus.Collector = (*certificateMetrics)(nil)

// newCertificateMetrics returns metrics that are registered, if there is a registerer.
func newCertificateMetrics(c *certificates, reg prometheus.Registerer) *certificateMetrics {
	m := &certificateMetrics{
		certificates: c,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_tls_certificate_requests_total",
			Help: "Attempts to get certificates for a host from a CA, by result: ok, or whose fault it was.",
		}, []string{"ca", "result"}),
		notAfter:    prometheus.NewDesc("mox_tls_certificate_not_after_seconds", "When a certificate expires, in seconds since 1970.", []string{"host", "type", "source"}, nil),
		failures:    prometheus.NewDesc("mox_tls_certificate_failures", "Attempts in a row to get certificates for a host that failed.", []string{"host"}, nil),
		lastSuccess: prometheus.NewDesc("mox_tls_certificate_last_success_seconds", "When a CA last issued certificates for a host, in seconds since 1970.", []string{"host"}, nil),
		damaged:     prometheus.NewDesc("mox_tls_certificate_damaged_files", "Damaged files of a host, or of accounts at its CAs, that were moved aside and nobody has removed.", []string{"host"}, nil),
	}
	if reg != nil {
		reg.MustRegister(m)
	}
	return m
}

// attempted counts an attempt.
func (m *certificateMetrics) attempted(a autotls.Attempt) {
	result := "ok"
	if a.Failure != nil {
		result = string(a.Failure.Kind)
	}
	m.requests.WithLabelValues(a.CA, result).Inc()
}

// Describe implements prometheus.Collector.
func (m *certificateMetrics) Describe(ch chan<- *prometheus.Desc) {
	m.requests.Describe(ch)
	ch <- m.notAfter
	ch <- m.failures
	ch <- m.lastSuccess
	ch <- m.damaged
}

// Collect implements prometheus.Collector. Hosts are those of the configuration.
func (m *certificateMetrics) Collect(ch chan<- prometheus.Metric) {
	m.requests.Collect(ch)
	seconds := func(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
	gauge := func(desc *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, labels...)
	}
	for _, s := range m.certificates.status(time.Now()) {
		for _, c := range s.Certificates {
			gauge(m.notAfter, seconds(c.NotAfter), s.Host, c.KeyType, s.Source)
		}
		if s.Source == sourceACME {
			gauge(m.failures, float64(s.Failures), s.Host)
			gauge(m.damaged, float64(len(s.Damaged)), s.Host)
			if s.LastSuccess != nil {
				gauge(m.lastSuccess, seconds(*s.LastSuccess), s.Host)
			}
		}
	}
}
