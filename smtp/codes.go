package smtp

// Reply codes (RFC 5321 §4.2.3, and the extensions named).
const (
	C211SystemStatus         = 211
	C214Help                 = 214
	C220ServiceReady         = 220
	C221Closing              = 221
	C235AuthSuccess          = 235 // RFC 4954 §6.
	C250Completed            = 250
	C251UserNotLocalForwards = 251
	C252NotVerified          = 252

	C334ContinueAuth = 334 // RFC 4954 §6.
	C354Continue     = 354

	C421ServiceUnavailable      = 421
	C432PasswordTransition      = 432 // RFC 4954 §6.
	C450MailboxUnavailable      = 450
	C451LocalError              = 451
	C452StorageFull             = 452 // Also too many recipients.
	C454TemporaryAuthFailure    = 454 // Also TLS not available (RFC 3207 §4).
	C455BadParamsNow            = 455
	C500BadSyntax               = 500
	C501BadParamSyntax          = 501
	C502CommandNotImplemented   = 502
	C503BadSequence             = 503
	C504ParamNotImplemented     = 504
	C521HostNoMail              = 521 // RFC 7504.
	C523EncryptionNeeded        = 523 // RFC 5248 §3.
	C525AccountDisabled         = 525 // RFC 5248 §3.
	C530AuthRequired            = 530 // Also STARTTLS required (RFC 3207 §4).
	C534AuthMechanismTooWeak    = 534 // RFC 4954 §6.
	C535AuthCredentialsInvalid  = 535 // RFC 4954 §6.
	C538EncryptionRequiredAuth  = 538 // RFC 4954 §6, RFC 5248 §2.4.
	C550MailboxUnavailable      = 550
	C551UserNotLocal            = 551
	C552MailboxFull             = 552 // Also message too big (RFC 1870 §6.1).
	C553MailboxName             = 553
	C554TransactionFailed       = 554
	C555UnknownMailOrRcptParams = 555
	C556DomainNoMail            = 556 // RFC 7504.
)

// EnhancedCode is an enhanced mail system status code such as "5.1.1" (RFC 3463). The
// zero value is none.
type EnhancedCode string

// String returns the code, empty for none.
func (e EnhancedCode) String() string { return string(e) }

// Class returns the class of a code, 2, 4 or 5, or 0 for none and malformed ones.
func (e EnhancedCode) Class() int {
	if c, rest := cutEnhanced(string(e)); c == "" || rest != "" {
		return 0
	}
	return int(e[0] - '0')
}

// Of returns the code with another class: 2, 4 or 5. The codes of RFC 3463 mean the
// same with each class.
func (e EnhancedCode) Of(class int) EnhancedCode {
	if e.Class() == 0 || class != 2 && class != 4 && class != 5 {
		return ""
	}
	return EnhancedCode(rune('0'+class)) + e[1:]
}

// cutEnhanced splits an enhanced code off the start of s: class "." subject "."
// detail, with at most three digits (RFC 3463 §2).
func cutEnhanced(s string) (code, rest string) {
	if len(s) < 5 || s[0] != '2' && s[0] != '4' && s[0] != '5' || s[1] != '.' {
		return "", s
	}
	i := 2
	for part := range 2 {
		n := 0
		for i+n < len(s) && '0' <= s[i+n] && s[i+n] <= '9' {
			n++
		}
		if n == 0 || n > 3 || n > 1 && s[i] == '0' {
			return "", s
		}
		i += n
		if part == 0 {
			if i == len(s) || s[i] != '.' {
				return "", s
			}
			i++
		}
	}
	return s[:i], s[i:]
}

// Enhanced codes of RFC 3463 and of the registry of RFC 5248. Codes that are used
// with several classes are named by the usual one; [EnhancedCode.Of] gives the others.
const (
	E200Other             EnhancedCode = "2.0.0"
	E210AddressOther      EnhancedCode = "2.1.0"
	E215DestinationValid  EnhancedCode = "2.1.5"
	E260ContentOther      EnhancedCode = "2.6.0"
	E270SecurityOther     EnhancedCode = "2.7.0"
	E264ConversionLossy   EnhancedCode = "2.6.4"
	E400Other             EnhancedCode = "4.0.0"
	E421MailboxDisabled   EnhancedCode = "4.2.1"
	E422MailboxFull       EnhancedCode = "4.2.2"
	E430SystemOther       EnhancedCode = "4.3.0"
	E431SystemFull        EnhancedCode = "4.3.1"
	E432NotAccepting      EnhancedCode = "4.3.2"
	E440NetworkOther      EnhancedCode = "4.4.0"
	E441NoAnswer          EnhancedCode = "4.4.1"
	E442BadConnection     EnhancedCode = "4.4.2"
	E443DirectoryFailure  EnhancedCode = "4.4.3"
	E444NoRoute           EnhancedCode = "4.4.4"
	E445Congestion        EnhancedCode = "4.4.5"
	E447Expired           EnhancedCode = "4.4.7"
	E450ProtocolOther     EnhancedCode = "4.5.0"
	E453TooManyRecipients EnhancedCode = "4.5.3"
	E470SecurityOther     EnhancedCode = "4.7.0"
	E471NotAuthorized     EnhancedCode = "4.7.1"

	E500Other                 EnhancedCode = "5.0.0"
	E510AddressOther          EnhancedCode = "5.1.0"
	E511UnknownMailbox        EnhancedCode = "5.1.1"
	E512BadDestinationSystem  EnhancedCode = "5.1.2"
	E513BadRecipientSyntax    EnhancedCode = "5.1.3"
	E514AmbiguousRecipient    EnhancedCode = "5.1.4"
	E516MailboxMoved          EnhancedCode = "5.1.6"
	E517BadSenderSyntax       EnhancedCode = "5.1.7"
	E518BadSenderSystem       EnhancedCode = "5.1.8"
	E519NotConformantRelay    EnhancedCode = "5.1.9"
	E5110NullMX               EnhancedCode = "5.1.10" // RFC 7505 §5.
	E520MailboxOther          EnhancedCode = "5.2.0"
	E521MailboxDisabled       EnhancedCode = "5.2.1"
	E522MailboxFull           EnhancedCode = "5.2.2"
	E523MessageTooLong        EnhancedCode = "5.2.3"
	E524ListExpansion         EnhancedCode = "5.2.4"
	E530SystemOther           EnhancedCode = "5.3.0"
	E531SystemFull            EnhancedCode = "5.3.1"
	E532NotAccepting          EnhancedCode = "5.3.2"
	E533NotCapable            EnhancedCode = "5.3.3"
	E534MessageTooBig         EnhancedCode = "5.3.4"
	E535Misconfigured         EnhancedCode = "5.3.5"
	E540NetworkOther          EnhancedCode = "5.4.0"
	E541NoAnswer              EnhancedCode = "5.4.1"
	E543DirectoryFailure      EnhancedCode = "5.4.3"
	E544NoRoute               EnhancedCode = "5.4.4"
	E546RoutingLoop           EnhancedCode = "5.4.6"
	E547Expired               EnhancedCode = "5.4.7"
	E550ProtocolOther         EnhancedCode = "5.5.0"
	E551InvalidCommand        EnhancedCode = "5.5.1"
	E552Syntax                EnhancedCode = "5.5.2"
	E553TooManyRecipients     EnhancedCode = "5.5.3"
	E554InvalidArguments      EnhancedCode = "5.5.4"
	E555WrongVersion          EnhancedCode = "5.5.5"
	E556AuthLineTooLong       EnhancedCode = "5.5.6" // RFC 4954 §6.
	E560ContentOther          EnhancedCode = "5.6.0"
	E561MediaNotSupported     EnhancedCode = "5.6.1"
	E562ConversionProhibited  EnhancedCode = "5.6.2"
	E563ConversionNeeded      EnhancedCode = "5.6.3"
	E564ConversionLossy       EnhancedCode = "5.6.4"
	E565ConversionFailed      EnhancedCode = "5.6.5"
	E566ContentNotAvailable   EnhancedCode = "5.6.6"
	E567NonASCIIAddress       EnhancedCode = "5.6.7"  // RFC 6531 §3.5.
	E568UTF8ReplyRequired     EnhancedCode = "5.6.8"  // RFC 6531 §3.7.4.2.
	E569UTF8HeaderRefused     EnhancedCode = "5.6.9"  // RFC 6531 §3.5.
	E5610UTF8Reply            EnhancedCode = "5.6.10" // RFC 6531 §4.3.
	E570SecurityOther         EnhancedCode = "5.7.0"
	E571NotAuthorized         EnhancedCode = "5.7.1"
	E572ListExpansion         EnhancedCode = "5.7.2"
	E573SecurityConversion    EnhancedCode = "5.7.3"
	E574SecurityFeature       EnhancedCode = "5.7.4"
	E575CryptographicFailure  EnhancedCode = "5.7.5"
	E576AlgorithmNotSupported EnhancedCode = "5.7.6"
	E577MessageIntegrity      EnhancedCode = "5.7.7"
	E578CredentialsInvalid    EnhancedCode = "5.7.8"  // RFC 4954 §6.
	E579MechanismTooWeak      EnhancedCode = "5.7.9"  // RFC 4954 §6.
	E5710EncryptionNeeded     EnhancedCode = "5.7.10" // RFC 5248 §3.
	E5711EncryptionForAuth    EnhancedCode = "5.7.11" // RFC 4954 §6.
	E5712PasswordTransition   EnhancedCode = "5.7.12" // RFC 4954 §6.
	E5713AccountDisabled      EnhancedCode = "5.7.13" // RFC 5248 §3.
	E5714TrustRequired        EnhancedCode = "5.7.14" // RFC 5248 §3.
	E5715PriorityTooLow       EnhancedCode = "5.7.15" // RFC 6710.
	E5717OwnerChanged         EnhancedCode = "5.7.17" // RFC 7293 §8.
	E5718DomainOwnerChanged   EnhancedCode = "5.7.18" // RFC 7293 §8.
	E5719RRVSNotPossible      EnhancedCode = "5.7.19" // RFC 7293 §8.
	E5720NoPassingDKIM        EnhancedCode = "5.7.20" // RFC 7372 §3.
	E5721NoAcceptableDKIM     EnhancedCode = "5.7.21" // RFC 7372 §3.
	E5722DKIMNoAuthorMatch    EnhancedCode = "5.7.22" // RFC 7372 §3.
	E5723SPFFail              EnhancedCode = "5.7.23" // RFC 7372 §3.
	E5724SPFError             EnhancedCode = "5.7.24" // RFC 7372 §3.
	E5725ReverseDNSFail       EnhancedCode = "5.7.25" // RFC 7372 §3.
	E5726MultipleAuthFailures EnhancedCode = "5.7.26" // RFC 7372 §3.
	E5727SenderNullMX         EnhancedCode = "5.7.27" // RFC 7505 §5.
	E5728MailFlood            EnhancedCode = "5.7.28"
	E5729ARCFailure           EnhancedCode = "5.7.29" // RFC 8617 §12.
	E5730RequireTLS           EnhancedCode = "5.7.30" // RFC 8689 §4.2.
)
