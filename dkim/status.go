package dkim

import "errors"

// Status is the result for a signature (RFC 8601 §2.7.1).
type Status string

// Statuses.
const (
	// StatusNone is that of a message without signatures. No Result has it.
	StatusNone Status = "none"

	// StatusPass: the signature verifies, and is acceptable.
	StatusPass Status = "pass"

	// StatusFail: body or header are not what was signed.
	StatusFail Status = "fail"

	// StatusPolicy: the signature is of a kind that is not accepted here.
	StatusPolicy Status = "policy"

	// StatusNeutral: the signature cannot be read, or needs something that is not
	// implemented, or fails with a key that is being tested.
	StatusNeutral Status = "neutral"

	// StatusTemperror: the key could not be looked up now.
	StatusTemperror Status = "temperror"

	// StatusPermerror: the signature cannot be verified, and trying again will not
	// help.
	StatusPermerror Status = "permerror"
)

// Why a signature does not pass. Errors of this package wrap them.
var (
	// ErrSyntax: a signature, tag list or encoded value that is malformed
	// (RFC 6376 §6.1.1).
	ErrSyntax = errors.New("signature syntax error")

	// ErrMissingTag: a required tag is missing (RFC 6376 §6.1.1).
	ErrMissingTag = errors.New("signature missing required tag")

	// ErrVersion: v= is not "1" (RFC 6376 §6.1.1).
	ErrVersion = errors.New("incompatible version")

	// ErrAlgorithm: a= is not implemented (RFC 6376 §3.3.4).
	ErrAlgorithm = errors.New("unknown signature algorithm")

	// ErrCanonicalization: c= is not implemented (RFC 6376 §3.4).
	ErrCanonicalization = errors.New("unknown canonicalization")

	// ErrQuery: q= has no method that is implemented (RFC 6376 §3.5).
	ErrQuery = errors.New("no known query method")

	// ErrDomainMismatch: the domain of i= is not d= or below it, or below it where the
	// key forbids that (RFC 6376 §6.1.1, §3.10).
	ErrDomainMismatch = errors.New("domain mismatch")

	// ErrFromNotSigned: h= does not have From (RFC 6376 §6.1.1).
	ErrFromNotSigned = errors.New("field From not signed")

	// ErrExpired: the time of x= has passed (RFC 6376 §6.1.1).
	ErrExpired = errors.New("signature expired")

	// ErrHeader: the header of the message has lines that are no fields
	// (RFC 6376 §3.8).
	ErrHeader = errors.New("malformed message header")

	// ErrKeyUnavailable: the key could not be looked up now (RFC 6376 §6.1.2).
	ErrKeyUnavailable = errors.New("key unavailable")

	// ErrNoKey: there is no key record (RFC 6376 §6.1.2).
	ErrNoKey = errors.New("no key for signature")

	// ErrKeySyntax: the key record is malformed (RFC 6376 §6.1.2).
	ErrKeySyntax = errors.New("key syntax error")

	// ErrKeyRevoked: the key record has an empty p= (RFC 6376 §6.1.2).
	ErrKeyRevoked = errors.New("key revoked")

	// ErrKeyHash: the key is not for the hash algorithm of a= (RFC 6376 §6.1.2).
	ErrKeyHash = errors.New("inappropriate hash algorithm")

	// ErrKeyAlgorithm: the key is not for the algorithm of a= (RFC 6376 §6.1.2).
	ErrKeyAlgorithm = errors.New("inappropriate key algorithm")

	// ErrKeyService: the key is not for email (RFC 6376 §3.6.1, s=).
	ErrKeyService = errors.New("inappropriate key service type")

	// ErrBodyHash: the body is not what was signed (RFC 6376 §6.1.3).
	ErrBodyHash = errors.New("body hash did not verify")

	// ErrBodyLength: the body is shorter than l= (RFC 6376 §3.5).
	ErrBodyLength = errors.New("body is shorter than signed")

	// ErrSignature: the header is not what was signed (RFC 6376 §6.1.3).
	ErrSignature = errors.New("signature did not verify")
)

// Why a signature is not accepted here although it might verify.
var (
	// ErrSHA1: a= is rsa-sha1, which must not be used (RFC 8301 §3.1).
	ErrSHA1 = errors.New("rsa-sha1 is not accepted")

	// ErrKeyWeak: the RSA key is too short (RFC 8301 §3.2).
	ErrKeyWeak = errors.New("key too short")

	// ErrKeyTooLarge: the RSA key is too long to be used for strangers.
	ErrKeyTooLarge = errors.New("key too long")

	// ErrTooMany: the message has more signatures than are evaluated (RFC 6376 §6.1).
	ErrTooMany = errors.New("too many signatures")

	// ErrHeaderTooLarge: the header of the message is larger than the limit.
	ErrHeaderTooLarge = errors.New("message header too large")

	// ErrNotAllSigned: the message has a field more often than the signature covers
	// (RFC 6376 §8.15).
	ErrNotAllSigned = errors.New("field added to those signed")

	// ErrRequiredNotSigned: a field that must be signed is in the message and not in h=
	// (RFC 6376 §6.1.1).
	ErrRequiredNotSigned = errors.New("required field not signed")

	// ErrUnsignedBody: the body goes on after l= (RFC 6376 §6.1.3).
	ErrUnsignedBody = errors.New("unsigned content")

	// ErrDomain: signatures of this domain are not accepted (RFC 6376 §6.1.1).
	ErrDomain = errors.New("unacceptable signing domain")

	// ErrFuture: the time of t= is to come (RFC 6376 §3.5).
	ErrFuture = errors.New("signature made in the future")
)

// ErrTesting: the signature passes, but the domain is testing DKIM and that is to count as
// unsigned (RFC 6376 §3.6.1, t=y).
var ErrTesting = errors.New("key is being tested")

// verdict is a reason with the status that it means.
type verdict struct {
	err    error
	status Status
}

// verdicts lists all reasons. Of an error that wraps several the first counts: a key record
// is an ErrKeySyntax because of an ErrSyntax in its tags.
func verdicts() []verdict {
	return []verdict{
		{ErrKeyUnavailable, StatusTemperror},

		{ErrBodyHash, StatusFail},
		{ErrBodyLength, StatusFail},
		{ErrSignature, StatusFail},

		{ErrSHA1, StatusPolicy},
		{ErrKeyWeak, StatusPolicy},
		{ErrKeyTooLarge, StatusPolicy},
		{ErrTooMany, StatusPolicy},
		{ErrHeaderTooLarge, StatusPolicy},
		{ErrNotAllSigned, StatusPolicy},
		{ErrRequiredNotSigned, StatusPolicy},
		{ErrUnsignedBody, StatusPolicy},
		{ErrDomain, StatusPolicy},
		{ErrFuture, StatusPolicy},

		{ErrMissingTag, StatusPermerror},
		{ErrDomainMismatch, StatusPermerror},
		{ErrFromNotSigned, StatusPermerror},
		{ErrExpired, StatusPermerror},
		{ErrHeader, StatusPermerror},
		{ErrNoKey, StatusPermerror},
		{ErrKeySyntax, StatusPermerror},
		{ErrKeyRevoked, StatusPermerror},
		{ErrKeyHash, StatusPermerror},
		{ErrKeyAlgorithm, StatusPermerror},
		{ErrKeyService, StatusPermerror},

		{ErrSyntax, StatusNeutral},
		{ErrVersion, StatusNeutral},
		{ErrAlgorithm, StatusNeutral},
		{ErrCanonicalization, StatusNeutral},
		{ErrQuery, StatusNeutral},
		{ErrTesting, StatusNeutral},
	}
}

// verdictOf returns the reason that err wraps and the status that goes with it.
func verdictOf(err error) verdict {
	if err == nil {
		return verdict{nil, StatusPass}
	}
	for _, v := range verdicts() {
		if errors.Is(err, v.err) {
			return v
		}
	}
	return verdict{err, StatusPermerror}
}
