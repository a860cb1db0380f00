// Package spf tells whether a host may send mail for a domain, by the policy that
// the domain publishes in DNS: the Sender Policy Framework (RFC 7208), also for
// internationalized domains (RFC 8616).
//
// [CheckMailFrom] and [CheckHELO] evaluate the policy of one of the two identities
// of an SMTP session, which is the check_host() function of RFC 7208 §4. Their
// [Result] becomes a Received-SPF field with [NewReceived] (RFC 7208 §9.1), or an
// entry of an Authentication-Results field with [Result.Property] (RFC 7208 §9.2).
//
// [Record] is a policy. [Lookup] fetches it, [ParseRecord] reads it and
// [Record.String] writes it.
//
// # Limits
//
// An evaluation ends after 10 terms that need DNS, with all includes and redirects
// together, after 3 of them had no answer, and after a time (RFC 7208 §4.6.4). So
// it makes at most 10 × 11 lookups of terms, 11 for the names of the client's
// address, and one each for the first record and the explanation.
//
// # What the RFC leaves open
//
//   - A target-name that is no domain name after macro expansion, because of an
//     empty or too long label, is not looked up and does not match (RFC 7208 §4.8).
//     For include and redirect the result is permerror (RFC 7208 §5.2, §6.1).
//   - The limit of void lookups is for terms, as in the text of RFC 7208 §4.6.4: a
//     term with several lookups, as mx has them, counts once. The addresses of the
//     names of the client do not count, since they are not the domain's.
//   - An mx term whose domain has more than 10 MX records is a permerror, even if the
//     client is one of the first 10.
//   - The ptr mechanism matches if a validated name is a subdomain of the
//     target-name, as the text of RFC 7208 §5.5 says and its last list says the other
//     way round (erratum 4751).
//   - A target-name with a label of other characters than letters, digits, hyphens and
//     underscores is legal in DNS (RFC 2181 §11), but not what package dns can ask for:
//     it is taken as not found, and counts as a void lookup. Such names come from %{l},
//     e.g. with a "+" in it.
//   - Terms with %{s} or %{l} do not match if the local part of the sender is not in
//     ASCII (RFC 8616 §4). A redirect modifier with them counts as absent.
package spf
