// Package proxy passes HTTP requests on to upstream servers (RFC 9110 §7.6).
package proxy
