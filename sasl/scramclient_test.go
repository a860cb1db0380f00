package sasl

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestSCRAMClientRefusals(t *testing.T) {
	t.Parallel()
	const first = "r=nonceserver,s=QSXCR+Q6sek8bf92,i=4096"
	creds := Credentials{Username: "user", Password: NewSecret("pencil")}
	for message, want := range map[string]struct {
		err   error
		value string
	}{
		"":                                  {ErrMalformed, "invalid-encoding"},
		"r=nonce,s=QSXCR+Q6sek8bf92,i=4096": {ErrMalformed, "other-error"}, // Nothing of the server's.
		"r=other,s=QSXCR+Q6sek8bf92,i=4096": {ErrMalformed, "other-error"},
		"r=xnonceserver,s=QSXCR+Q6sek8bf92,i=4096":                {ErrMalformed, "other-error"},
		"r=nonceserver,s=QSXCR+Q6sek8bf92,i=4095":                 {ErrMalformed, ""},
		"r=nonceserver,s=QSXCR+Q6sek8bf92,i=1":                    {ErrMalformed, ""},
		"r=nonceserver,s=QSXCR+Q6sek8bf92,i=5000001":              {ErrMalformed, ""},
		"r=nonceserver,s=QSXCR+Q6sek8bf92,i=99999999999999999999": {ErrMalformed, "invalid-encoding"},
		"r=nonceserver,s=QSXCR+Q6sek8bf92,i=-4096":                {ErrMalformed, "invalid-encoding"},
		"r=nonceserver,s=QSXCR+Q6sek8bf92,i=+4096":                {ErrMalformed, "invalid-encoding"},
		"r=nonceserver,s=QSXCR+Q6sek8bf92,i=04096":                {ErrMalformed, "invalid-encoding"},
		"r=nonceserver,s=QSXCR+Q6sek8bf92,i=4096x":                {ErrMalformed, "invalid-encoding"},
		"r=nonceserver,s=QSXCR+Q6sek8bf92":                        {ErrMalformed, "invalid-encoding"},
		"r=nonceserver,s=,i=4096":                                 {ErrMalformed, "invalid-encoding"},
		"r=nonceserver,s=QSXCR,i=4096":                            {ErrMalformed, "invalid-encoding"},
		"s=QSXCR+Q6sek8bf92,r=nonceserver,i=4096":                 {ErrMalformed, "invalid-encoding"},
		"m=1," + first:                {ErrMalformed, "extensions-not-supported"},
		first + ",m=1":                {ErrMalformed, "extensions-not-supported"},
		first + ",":                   {ErrMalformed, "invalid-encoding"},
		first + ",x=\x00":             {ErrMalformed, "invalid-encoding"},
		"e=unknown-user":              {ErrCredentials, "unknown-user"},
		"e=invalid-username-encoding": {ErrMalformed, "invalid-username-encoding"},
		"e=Something new\x1b[2J,x=1":  {ErrCredentials, "other-error"},
		"r=nonceserver,s=" + base64.StdEncoding.EncodeToString(make([]byte, 1025)) + ",i=4096": {ErrMalformed, "invalid-encoding"},
	} {
		c := newSCRAMClient(t, SCRAMSHA256, creds, nil, "nonce")
		c.Start()
		r, err := c.Next(b(message))
		if r != nil || !errors.Is(err, want.err) || scramValue(err) != want.value {
			t.Errorf("first message %.60q: %q, %v, want %v, value %q", message, r, err, want.err, want.value)
		}
		if err := c.Finish(); !errors.Is(err, ErrServerProof) {
			t.Errorf("first message %.60q: finished, %v", message, err)
		}
	}
	c := newSCRAMClient(t, SCRAMSHA256, creds, nil, "nonce")
	c.Start()
	if _, err := c.Next(b(first + ",x=1")); err != nil {
		t.Errorf("extension: %v", err)
	}

	for message, want := range map[string]struct {
		err   error
		value string
	}{
		"":       {ErrMalformed, "invalid-encoding"},
		"v=":     {ErrMalformed, "invalid-encoding"},
		"v=*":    {ErrMalformed, "invalid-encoding"},
		"v=AAAA": {ErrServerProof, ""},
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=": {ErrServerProof, ""}, // Of another exchange.
		"e=invalid-proof":               {ErrCredentials, "invalid-proof"},
		"e=channel-bindings-dont-match": {ErrCredentials, "channel-bindings-dont-match"},
		"e=no-resources,x=1":            {ErrCredentials, "no-resources"},
		"e=":                            {ErrCredentials, "other-error"},
		"x=1":                           {ErrMalformed, "invalid-encoding"},
	} {
		c := newSCRAMClient(t, SCRAMSHA256, creds, nil, "nonce")
		c.Start()
		if _, err := c.Next(b(first)); err != nil {
			t.Fatal(err)
		}
		r, err := c.Next(b(message))
		if r != nil || !errors.Is(err, want.err) || scramValue(err) != want.value {
			t.Errorf("final message %q: %q, %v, want %v, value %q", message, r, err, want.err, want.value)
		}
		if err := c.Finish(); !errors.Is(err, ErrServerProof) {
			t.Errorf("final message %q: finished, %v", message, err)
		}
	}

	for name, creds := range map[string]Credentials{
		"no user":          {Password: NewSecret("x")},
		"no password":      {Username: "user"},
		"NUL":              {Username: "us\x00er", Password: NewSecret("x")},
		"not UTF-8":        {Username: "us\xffer", Password: NewSecret("x")},
		"long":             {Username: strings.Repeat("x", 1025), Password: NewSecret("x")},
		"NUL in other":     {Username: "user", AuthzID: "\x00", Password: NewSecret("x")},
		"control in other": {Username: "user", AuthzID: "é\x01", Password: NewSecret("x")},
	} {
		if r, err := newSCRAMClient(t, SCRAMSHA256, creds, nil, "nonce").Start(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: begins with %q, %v", name, r, err)
		}
	}
}

func FuzzSCRAMClient(f *testing.F) {
	f.Add([]byte("r=nonceserver,s=QSXCR+Q6sek8bf92,i=4096"), []byte("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="))
	f.Add([]byte("r=nonceserver,s=QSXCR+Q6sek8bf92,i=4096,x=1"), []byte("e=invalid-proof,x=1"))
	f.Add([]byte("e=other-error"), []byte("v="))
	f.Fuzz(func(t *testing.T, c1, c2 []byte) {
		if m, err := parseServerFirst(c1); err == nil && m.iterations > MinSCRAMIterations {
			return // Slow.
		}
		c := newSCRAMClient(t, SCRAMSHA256, Credentials{Username: "user", Password: NewSecret("pencil")}, nil, "nonce")
		c.Start()
		_, err := c.Next(c1)
		if err == nil {
			_, err = c.Next(c2)
		}
		if err == nil || c.Finish() == nil {
			t.Fatalf("server has proved nothing: %q %q", c1, c2)
		}
	})
}
