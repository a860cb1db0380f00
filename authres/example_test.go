package authres_test

import (
	"fmt"

	"mox/authres"
)

func ExampleParse() {
	r, err := authres.Parse([]byte(" mx.example.org;\r\n\tdkim=pass (2048 bits) header.d=example.com;\r\n\tspf=fail smtp.mailfrom=a@example.net"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range r.Methods {
		from, _ := m.Prop("smtp", "mailfrom")
		fmt.Printf("%s says %s=%s %q\n", r.AuthservID, m.Method, m.Result, from)
	}
	// Output:
	// mx.example.org says dkim=pass ""
	// mx.example.org says spf=fail "a@example.net"
}

func ExampleMatcher_Forged() {
	ours := authres.NewMatcher("mx.example.org")
	fmt.Println(ours.Forged([]byte(" MX.Example.ORG (us); spf=pass")))
	fmt.Println(ours.Forged([]byte(" mx.example.com; spf=pass")))
	// Output:
	// true
	// false
}
