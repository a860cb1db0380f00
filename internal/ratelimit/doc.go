// Package ratelimit bounds how often and how many at a time something may happen: per
// client network (Networks, Conns) and per any other key, such as an account (Limiter).
//
// Clients are told apart as an attacker has to: an IPv4 client is its address, its
// network the /24; an IPv6 client is the /64 that a single host commonly owns, its
// network the /48 that a single customer commonly owns.
//
// Memory is bounded. The clock is given, so that tests control time.
package ratelimit
