// Package browser tests mox with a real browser, Debian's chromium, and with the load generators ab and wrk. The tests start
// a `mox localserve` each, and drive the browser by playwright-core through runner.mjs: what is done
// and expected stands in Go.
//
// Pictures of pages are kept with
//
//	go test -artifacts -outputdir /tmp ./test/browser
//
// and those of the webmail in docs/screenshots are made by
//
//	go test -run TestWebmail -screenshots ./test/browser
package browser
