package dmarc

import (
	"strconv"
	"strings"
)

// Policy is what a domain owner asks to be done with mail that fails.
type Policy string

// The values of Policy. The empty Policy is none given.
const (
	PolicyNone       Policy = "none"
	PolicyQuarantine Policy = "quarantine"
	PolicyReject     Policy = "reject"
)

// strictness orders policies.
func (p Policy) strictness() int {
	switch p {
	case PolicyQuarantine:
		return 1
	case PolicyReject:
		return 2
	}
	return 0
}

// weaker returns the policy one level below.
func (p Policy) weaker() Policy {
	if p == PolicyReject {
		return PolicyQuarantine
	}
	return PolicyNone
}

// Alignment is how close an identifier must be to the author domain.
type Alignment string

// The values of Alignment.
const (
	AlignmentRelaxed Alignment = "r" // Of the same organizational domain.
	AlignmentStrict  Alignment = "s" // The same domain.
)

// FailureOptions is a set of occasions on which a failure report is wanted.
type FailureOptions uint8

// The members of FailureOptions.
const (
	// FailureAll: no mechanism gave an aligned pass. It is the default.
	FailureAll FailureOptions = 1 << iota // "0"

	// FailureAny: some mechanism gave something else than an aligned pass.
	FailureAny // "1"

	// FailureDKIM: a DKIM signature failed, aligned or not.
	FailureDKIM // "d"

	// FailureSPF: SPF failed, aligned or not.
	FailureSPF // "s"
)

type failureLetter struct {
	option FailureOptions
	letter string
}

var failureLetters = [...]failureLetter{
	{FailureAll, "0"}, {FailureAny, "1"}, {FailureDKIM, "d"}, {FailureSPF, "s"},
}

// String returns the value of an fo tag, "" for no options.
func (o FailureOptions) String() string {
	var l []string
	for _, f := range failureLetters {
		if o&f.option != 0 {
			l = append(l, f.letter)
		}
	}
	return strings.Join(l, ":")
}

// PSD tells whether a domain is a public suffix (RFC 9989 §4.7).
type PSD string

// The values of PSD.
const (
	PSDUnknown PSD = "u" // It is not, or this is for others to find out.
	PSDYes     PSD = "y" // It is one.
	PSDNo      PSD = "n" // It is not, and is an organizational domain.
)

// Defaults of a record (RFC 7489 §6.3).
const (
	DefaultInterval = 86400 // Seconds.
	DefaultPercent  = 100
	DefaultFormat   = "afrf"
)

// Record is a policy record, the value of a TXT record at "_dmarc." and the domain.
// [NewRecord] makes one, [ParseRecord] reads one; a Record has a value in each field except
// where the field says that it may be empty.
type Record struct {
	Policy            Policy // p
	SubdomainPolicy   Policy // sp, for subdomains; empty: Policy.
	NonexistentPolicy Policy // np, for subdomains that do not exist (RFC 9091); empty: as for others.

	DKIMAlignment Alignment // adkim
	SPFAlignment  Alignment // aspf

	// Percent is the share of failing messages, 0 to 100, to which the policy is to be
	// applied (pct). RFC 9989 does not have it.
	Percent int

	AggregateReports []URI // rua, where reports of all mail go. May be empty.
	FailureReports   []URI // ruf, where reports of single messages go. May be empty.

	FailureOptions FailureOptions // fo
	FailureFormats []string       // rf, in lower case.
	Interval       uint32         // ri, seconds between aggregate reports.

	PSD     PSD  // psd, of RFC 9989.
	Testing bool // t=y, of RFC 9989: a policy one level below is expected to be applied.

	// Problems are the parts of a parsed record that were passed over, at most 20. The
	// record stands without them.
	Problems []Problem
}

// Problem is a part of a record that was passed over: an unknown tag, or one with a value
// that is not valid, for which the default is taken.
type Problem struct {
	Tag  string // As written, at most 100 bytes, "" if there is none.
	Text string // What is wrong.
}

// NewRecord returns a record with a policy and defaults.
func NewRecord(p Policy) Record {
	return Record{
		Policy:         p,
		DKIMAlignment:  AlignmentRelaxed,
		SPFAlignment:   AlignmentRelaxed,
		Percent:        DefaultPercent,
		FailureOptions: FailureAll,
		FailureFormats: []string{DefaultFormat},
		Interval:       DefaultInterval,
		PSD:            PSDUnknown,
	}
}

// String returns the record as a TXT record has it. Tags with their default are left out;
// so are Problems.
func (r Record) String() string {
	var b strings.Builder
	tag := func(name, value, omit string) {
		if value != omit && value != "" {
			b.WriteString("; " + name + "=" + value)
		}
	}
	b.WriteString("v=" + version)
	tag("p", string(r.Policy), "")
	tag("sp", string(r.SubdomainPolicy), "")
	tag("np", string(r.NonexistentPolicy), "")
	tag("rua", joinURIs(r.AggregateReports), "")
	tag("ruf", joinURIs(r.FailureReports), "")
	tag("adkim", string(r.DKIMAlignment), string(AlignmentRelaxed))
	tag("aspf", string(r.SPFAlignment), string(AlignmentRelaxed))
	tag("ri", strconv.FormatUint(uint64(r.Interval), 10), strconv.Itoa(DefaultInterval))
	tag("fo", r.FailureOptions.String(), FailureAll.String())
	tag("rf", strings.Join(r.FailureFormats, ":"), DefaultFormat)
	tag("pct", strconv.Itoa(r.Percent), strconv.Itoa(DefaultPercent))
	tag("psd", string(r.PSD), string(PSDUnknown))
	if r.Testing {
		tag("t", "y", "")
	}
	return b.String()
}

func joinURIs(l []URI) string {
	var b strings.Builder
	for i, u := range l {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(u.String())
	}
	return b.String()
}
