package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/config"
	"mox/internal/netguard"
	"mox/rcptsecurity"
)

// newRecipientSecurity returns what knows how safely mail goes to a domain; nil for an operation that delivers nothing.
func newRecipientSecurity(cfg *config.Config, d delivering, reg prometheus.Registerer) (*rcptsecurity.Checker, error) {
	if d.resolver == nil {
		return nil, nil
	}
	lookups := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "mox_rcptsecurity_lookup_seconds",
		Help:    "Time to look up the transport security of a recipient's domain, by result: verified, plain, error.",
		Buckets: []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 20},
	}, []string{"result"})
	if reg != nil {
		if err := reg.Register(lookups); err != nil {
			return nil, err
		}
	}
	return rcptsecurity.New(rcptsecurity.Options{
		Resolver:    d.resolver,
		DialContext: d.dial,
		Guard:       netguard.Guard{Allow: cfg.AllowNetworks, Own: ownAddresses(cfg)},
		Looked: func(s rcptsecurity.Security, took time.Duration) {
			result := "plain"
			switch {
			case s.Verified():
				result = "verified"
			case s.DNSSEC == rcptsecurity.Error || s.MTASTS == rcptsecurity.Error || s.DANE == rcptsecurity.Error:
				result = "error"
			}
			lookups.WithLabelValues(result).Observe(took.Seconds())
		},
	})
}
