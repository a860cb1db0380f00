package webmail

import "errors"

// errMissing is returned by calls that there are not yet.
var errMissing = errors.New("not there yet")
