// Package msgauth measures DKIM of mox beside github.com/emersion/go-msgauth. It is a module
// of its own so that mox does not depend on that library. It has only benchmarks:
//
//	go test -bench . -benchmem
package msgauth
