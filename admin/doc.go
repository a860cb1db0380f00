// Package admin has the operations on accounts and configuration that commands and
// pages share.
package admin
