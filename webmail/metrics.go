package webmail

import (
	"github.com/mjl-/sherpa"
	"github.com/mjl-/sherpaprom"
	"github.com/prometheus/client_golang/prometheus"
)

// newCalls counts calls of the API, and tells nothing if reg is nil.
func newCalls(reg prometheus.Registerer) sherpa.Collector {
	if reg == nil {
		return nil
	}
	c, err := sherpaprom.NewCollector("webmail", prometheus.WrapRegistererWithPrefix("mox_", reg))
	if err != nil {
		return nil
	}
	return c
}
