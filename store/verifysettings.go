package store

import (
	"math"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// settings checks settings and what the change log has of them.
func (v *verifier) settings() error {
	logged := v.loggedSettings
	v.loggedSettings = nil
	return bstore.QueryTx[settingRow](v.tx).ForEach(func(r settingRow) error {
		if checkSettingName(r.Name) != nil || len(r.Value) > MaxSetting {
			v.problem(cureRebuild, "setting %q: name, or value of %d bytes, is not allowed", r.Name, len(r.Value))
		}
		if r.ModSeq <= 0 || r.ModSeq > v.row.ModSeq {
			v.problem(cureRebuild, "setting %q: modseq %d is out of range, the account is at %d", r.Name, r.ModSeq, v.row.ModSeq)
		}
		if last := logged[r.Name]; last != r.ModSeq && (last > 0 || r.ModSeq > v.row.Horizon) {
			v.problem(cureRebuild, "setting %q: has modseq %d, but its last change is %d", r.Name, r.ModSeq, last)
		}
		return v.tick()
	})
}

// loggedSetting takes a change of a setting from the log.
func (v *verifier) loggedSetting(name string, modseq imap.ModSeq) {
	if v.loggedSettings == nil {
		v.loggedSettings = map[string]imap.ModSeq{}
	}
	v.loggedSettings[name] = modseq
}

// mutedThreads compares muted threads with those in memory.
func (v *verifier) mutedThreads() error {
	n := 0
	err := bstore.QueryTx[mutedThreadRow](v.tx).ForEach(func(r mutedThreadRow) error {
		n++
		if _, ok := v.account.muted[r.Thread]; !ok {
			v.problem(cureRestart, "thread %d: is muted, but not in memory", r.Thread)
		}
		return v.tick()
	})
	if known := len(v.account.muted); err == nil && known > n {
		v.problem(cureRestart, "%d muted threads in memory, %d in the database", known, n)
	}
	return err
}

// recipients checks to whom was sent.
func (v *verifier) recipients() error {
	return bstore.QueryTx[recipientRow](v.tx).ForEach(func(r recipientRow) error {
		if r.Path != recipientKey(r.Path) || recipientKey(r.Address) != r.Path && r.Address != "" {
			v.problem(cureRebuild, "recipient %q: written %q", r.Path, r.Address)
		}
		if r.Count < 0 || math.IsNaN(r.Score) || math.IsInf(r.Score, 0) || r.Count == 0 && (r.Name != "" || r.Last != 0) {
			v.problem(cureRebuild, "recipient %q: malformed: %+v", r.Path, r)
		}
		return v.tick()
	})
}
