package imapserver

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	connections *prometheus.CounterVec
	commands    *prometheus.HistogramVec
	logins      *prometheus.CounterVec
	panics      prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_imapserver_connections_total", Help: "Connections accepted, by listener.",
		}, []string{"listener"}),
		commands: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mox_imapserver_command_seconds", Help: "Time commands took, by command and result: ok, no, bad, bye, error.",
			Buckets: []float64{0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 20, 100},
		}, []string{"command", "result"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_imapserver_logins_total", Help: "Logins by result: ok, credentials, limit, disabled, connections, error.",
		}, []string{"result"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mox_imapserver_panics_total", Help: "Bugs caught while serving a connection.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.connections, m.commands, m.logins, m.panics)
	}
	return m
}
