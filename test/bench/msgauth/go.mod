module mox/test/bench/msgauth

go 1.26.0

require (
	github.com/emersion/go-msgauth v0.7.0
	mox v0.0.0
)

require (
	github.com/mjl-/adns v0.0.0-20260809141028-22f885debe71 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace mox => ../../..
