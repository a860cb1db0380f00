package http

import (
	nethttp "net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics returns a handler for /metrics that shows what gatherer has.
func Metrics(gatherer prometheus.Gatherer) nethttp.Handler {
	return promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{})
}
