package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of one Store, for all its accounts together.
type metrics struct {
	batchOps      prometheus.Histogram
	commitSeconds prometheus.Histogram
	packSeconds   prometheus.Histogram
	waitSeconds   *prometheus.HistogramVec // By priority.
	waitNormal    prometheus.Observer      // Of waitSeconds.
	waitBulk      prometheus.Observer      // Of waitSeconds.
	ops           *prometheus.CounterVec   // By operation and result.
	deliveries    *prometheus.CounterVec   // By result.
	deliveryBytes prometheus.Counter
	openAccounts  prometheus.Gauge
	erased        prometheus.Counter
	panics        prometheus.Counter
	damaged       prometheus.Counter
	refusing      prometheus.Gauge
	backupPause   prometheus.Histogram
}

// Results of operations, values of the label result.
const (
	resultOK        = "ok"
	resultRefused   = "refused"   // The call was at fault, e.g. no such mailbox.
	resultError     = "error"     // Disk or database.
	resultDuplicate = "duplicate" // Delivery id was seen before.
)

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		batchOps: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mox_store_commit_operations",
			Help:    "Operations that shared a database transaction.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
		}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mox_store_commit_seconds",
			Help:    "Duration of database transactions with their syncs, without that of the pack.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}),
		packSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mox_store_pack_sync_seconds",
			Help:    "Duration of appending the messages of a batch to the pack and syncing it.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}),
		waitSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mox_store_queue_seconds",
			Help:    "Time that operations waited for the committer of their account.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}, []string{"priority"}),
		ops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_store_operations_total",
			Help: "Writes to accounts, by operation and result (ok, refused, error).",
		}, []string{"operation", "result"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mox_store_deliveries_total",
			Help: "Deliveries, by result (ok, duplicate, refused, error).",
		}, []string{"result"}),
		deliveryBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mox_store_delivery_bytes_total",
			Help: "Bytes of messages delivered.",
		}),
		openAccounts: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mox_store_open_accounts",
			Help: "Accounts whose database is open.",
		}),
		erased: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mox_store_erased_total",
			Help: "Expunged messages whose content was erased.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mox_store_panics_total",
			Help: "Bugs: panics in operations, which were rolled back.",
		}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mox_store_damaged_total",
			Help: "How often the database of an account was found to be damaged.",
		}),
		refusing: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mox_store_refusing_accounts",
			Help: "Open accounts that cannot be written to after an error of the disk, until that is over.",
		}),
		backupPause: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mox_store_backup_pause_seconds",
			Help:    "How long the writes to an account waited for a backup, each time.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}),
	}
	m.waitNormal = m.waitSeconds.WithLabelValues("normal")
	m.waitBulk = m.waitSeconds.WithLabelValues("bulk")
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.batchOps, m.commitSeconds, m.packSeconds, m.waitSeconds, m.ops, m.deliveries,
		m.deliveryBytes, m.openAccounts, m.erased, m.panics, m.damaged, m.refusing, m.backupPause,
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func observeSince(o prometheus.Observer, start time.Time) {
	o.Observe(time.Since(start).Seconds())
}
