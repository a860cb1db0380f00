package spf

// Status is the result of an evaluation, in the form that header fields have
// (RFC 7208 §2.6).
type Status string

// The values of Status.
const (
	None      Status = "none"      // There is no domain that could be checked, or it has no policy.
	Neutral   Status = "neutral"   // The domain says nothing about the client.
	Pass      Status = "pass"      // The client is authorized.
	Fail      Status = "fail"      // The client is not authorized.
	Softfail  Status = "softfail"  // The client is probably not authorized.
	Temperror Status = "temperror" // DNS failed, a later evaluation may give a result.
	Permerror Status = "permerror" // The policy cannot be interpreted.
)

// known tells whether s is one of the values of Status.
func (s Status) known() bool {
	switch s {
	case None, Neutral, Pass, Fail, Softfail, Temperror, Permerror:
		return true
	}
	return false
}

// Identity is which name of an SMTP session is checked, in the form that header
// fields have (RFC 7208 §9.1).
type Identity string

// The values of Identity.
const (
	MailFrom Identity = "mailfrom" // Of the MAIL command (RFC 7208 §2.4).
	HELO     Identity = "helo"     // Of the EHLO or HELO command (RFC 7208 §2.3).
)
