// Package autoconf makes the documents from which mail programs take their settings: the configuration
// file of Thunderbird, which others read too, the answer of autodiscover for Outlook, and the
// configuration profile of Apple. They are made from a description of the servers; nothing is looked up.
//
// There are no standards: Thunderbird's format is described at
// https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat, autodiscover for mail over IMAP and SMTP by
// MS-OXDSCLI, profiles in Apple's "Configuration Profile Reference". The names of DNS records
// for the same purpose (RFC 6186) are not this package's business.
package autoconf
