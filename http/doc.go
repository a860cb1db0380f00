// Package http serves what mox has for browsers and programs over HTTP. For now that
// is metrics for Prometheus.
package http
