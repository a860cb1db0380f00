package autotls_test

import (
	"context"
	"crypto/tls"
	"log"
	"net/http"

	"mox/autotls"
	"mox/dns"
)

// A web server with a certificate of its own.
func Example() {
	host, err := dns.ParseDomain("www.example.org")
	if err != nil {
		log.Fatal(err)
	}
	m, err := autotls.New(autotls.Options{
		Dir:   "/var/lib/www/tls",
		CAs:   []autotls.CA{{Name: "letsencrypt", DirectoryURL: "https://acme-v02.api.letsencrypt.org/directory", Contact: "postmaster@example.org"}},
		Hosts: func() []autotls.Host { return []autotls.Host{{Name: host}} },
	})
	if err != nil {
		log.Fatal(err)
	}

	// The ports that the CA connects to are open before the first request is made.
	l, err := tls.Listen("tcp", ":443", &tls.Config{
		GetCertificate: m.GetCertificate,
		NextProtos:     []string{"http/1.1", autotls.ALPNProto},
	})
	if err != nil {
		log.Fatal(err)
	}
	go m.Run(context.Background())
	log.Fatal(http.Serve(l, http.FileServer(http.Dir("/srv/www"))))
}
