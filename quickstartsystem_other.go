//go:build !linux

package main

// addSystem adds what this system can tell.
func (m *machine) addSystem() {}
