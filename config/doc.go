// Package config holds the configuration of mox: the files, what they mean, and a
// live object that changes while the server runs.
//
// There are two files in one directory, in the sconf format (github.com/mjl-/sconf).
// Mox.conf is static: addresses to listen on, directories, transports. It is read at
// start, a change needs a restart. Domains.conf is dynamic: domains, accounts, routes.
// It is read again by a reload and written by mox itself when an administrator
// changes it in a page or command. Sconf keeps no comments, so a domains.conf that mox
// writes has none: keep remarks in the Description fields.
//
// [Static] and [Dynamic] mirror the files, field by field, with tags that document
// each. [Config] is what both mean together: parsed, checked, defaults filled in,
// lookups ready. It never changes; [Live] holds the current one and replaces it.
package config
