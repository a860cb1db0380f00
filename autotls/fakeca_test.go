package autotls

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// fakeCA is a CA in memory that can fail on demand. It is the transport of an HTTP
// client, so that it works in a bubble of synctest.
type fakeCA struct {
	key      *ecdsa.PrivateKey
	cert     *x509.Certificate
	url      string // Without path.
	lifetime time.Duration

	// manager is who is asked to prove that a host is ours.
	manager func() *Manager

	mu       sync.Mutex // Guards what follows. Held while the CA serves, which is one request at a time.
	down     bool
	slow     func(endpoint string) time.Duration             // Before a request is served; may be nil.
	fail     func(endpoint string, host string) *fakeProblem // May be nil.
	wrong    map[string]bool                                 // Hosts that lead elsewhere.
	noALPN   bool                                            // Port 443 leads elsewhere.
	accounts map[string]bool                                 // By thumbprint of the key.
	eab      string                                          // Key id that is needed, or empty.
	renewal  func(id string) (status int, body string)       // What it says of renewals; nil for a CA that does not.
	orders   []*fakeOrder
	requests []fakeRequest
	serial   int64
}

type fakeProblem struct {
	status     int
	name       string
	retryAfter string
	detail     string
}

type fakeRequest struct {
	at       time.Time
	endpoint string // First element of the path.
	host     string // Of a new order.
}

type fakeOrder struct {
	host, status string
	challenge    string // That was accepted.
	problem      *fakeProblem
	chain        []byte
}

func newFakeCA(t *testing.T, url string, lifetime time.Duration) *fakeCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Fake CA"}, IsCA: true, BasicConstraintsValid: true, NotBefore: time.Now(), NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeCA{key: key, cert: cert, url: url, lifetime: lifetime, wrong: map[string]bool{}, accounts: map[string]bool{}}
}

// fakeCAs is a transport to several.
type fakeCAs []*fakeCA

func (l fakeCAs) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, ca := range l {
		if "https://"+r.URL.Host == ca.url {
			return ca.RoundTrip(r)
		}
	}
	return nil, fmt.Errorf("no such host %s", r.URL.Host)
}

func (ca *fakeCA) RoundTrip(r *http.Request) (*http.Response, error) {
	endpoint, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	ca.mu.Lock()
	slow := ca.slow
	ca.mu.Unlock()
	if slow != nil {
		time.Sleep(slow(endpoint))
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.down {
		ca.note(endpoint, "")
		return nil, errors.New("connection refused")
	}
	w := httptest.NewRecorder()
	ca.serve(w, r, endpoint)
	res := w.Result()
	res.Request = r
	return res, nil
}

func (ca *fakeCA) note(endpoint, host string) {
	ca.requests = append(ca.requests, fakeRequest{time.Now(), endpoint, host})
}

// count returns how many requests there were to an endpoint, or with "" to any.
func (ca *fakeCA) count(endpoint string) int {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	n := 0
	for _, r := range ca.requests {
		if endpoint == "" || r.endpoint == endpoint {
			n++
		}
	}
	return n
}

// set changes how the CA behaves.
func (ca *fakeCA) set(f func()) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	f()
}

// jws is a signed request. The signature is for real CAs to check.
type jws struct {
	kid, thumbprint string
	payload         map[string]any
}

func readJWS(r *http.Request) (jws, error) {
	var raw struct{ Protected, Payload string }
	if err := json.NewDecoder(r.Body).Decode(&raw); err != nil {
		return jws{}, err
	}
	protected, err := base64.RawURLEncoding.DecodeString(raw.Protected)
	if err != nil {
		return jws{}, err
	}
	var header struct {
		KID string
		JWK json.RawMessage
	}
	if err := json.Unmarshal(protected, &header); err != nil {
		return jws{}, err
	}
	payload, err := base64.RawURLEncoding.DecodeString(raw.Payload)
	if err != nil {
		return jws{}, err
	}
	j := jws{kid: header.KID}
	if header.JWK != nil {
		var compact bytes.Buffer
		if err := json.Compact(&compact, header.JWK); err != nil {
			return jws{}, err
		}
		h := crypto.SHA256.New()
		h.Write(compact.Bytes())
		j.thumbprint = base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	}
	if len(payload) > 0 {
		err = json.Unmarshal(payload, &j.payload)
	}
	return j, err
}

func (ca *fakeCA) serve(w http.ResponseWriter, r *http.Request, endpoint string) {
	w.Header().Set("Replay-Nonce", "nonce")
	var j jws
	host := ""
	if r.Method == http.MethodPost {
		var err error
		if j, err = readJWS(r); err != nil {
			ca.problem(w, &fakeProblem{400, "malformed", "", err.Error()})
			return
		}
		if ids, ok := j.payload["identifiers"].([]any); ok {
			host = ids[0].(map[string]any)["value"].(string)
		}
	}
	ca.note(endpoint, host)
	if ca.fail != nil {
		if p := ca.fail(endpoint, host); p != nil {
			ca.problem(w, p)
			return
		}
	}
	if r.Method == http.MethodPost && endpoint != "new-account" {
		if !ca.accounts[strings.TrimPrefix(j.kid, ca.url+"/account/")] {
			ca.problem(w, &fakeProblem{400, "accountDoesNotExist", "", "unknown account"})
			return
		}
	}
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch endpoint {
	case "dir":
		directory := map[string]any{"newNonce": ca.url + "/nonce", "newAccount": ca.url + "/new-account", "newOrder": ca.url + "/new-order", "revokeCert": ca.url + "/revoke", "keyChange": ca.url + "/key",
			"meta": map[string]any{"caaIdentities": []string{"ca.example"}}}
		if ca.renewal != nil {
			directory["renewalInfo"] = ca.url + "/renewal-info"
		}
		ca.json(w, 200, directory)
	case "renewal-info":
		status, body := ca.renewal(id)
		w.Header().Set("Retry-After", "10800")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	case "nonce":
	case "new-account":
		ca.newAccount(w, j)
	case "account":
		ca.json(w, 200, map[string]any{"status": "valid"})
	case "new-order":
		ca.orders = append(ca.orders, &fakeOrder{host: host, status: "pending"})
		ca.order(w, 201, len(ca.orders)-1)
	case "order", "authz", "challenge", "finalize", "cert":
		var n int
		if _, err := fmt.Sscan(id, &n); err != nil || n >= len(ca.orders) {
			ca.problem(w, &fakeProblem{404, "malformed", "", "no such thing"})
			return
		}
		ca.ordered(w, r, j, endpoint, n)
	default:
		ca.problem(w, &fakeProblem{404, "malformed", "", "no such resource"})
	}
}

func (ca *fakeCA) newAccount(w http.ResponseWriter, j jws) {
	w.Header().Set("Location", ca.url+"/account/"+j.thumbprint)
	switch {
	case ca.accounts[j.thumbprint]:
		ca.json(w, 200, map[string]any{"status": "valid"})
		return
	case j.payload["onlyReturnExisting"] == true:
		ca.problem(w, &fakeProblem{400, "accountDoesNotExist", "", "no account"})
		return
	case ca.eab != "":
		binding, _ := j.payload["externalAccountBinding"].(map[string]any)
		protected, _ := binding["protected"].(string)
		header, _ := base64.RawURLEncoding.DecodeString(protected)
		if !bytes.Contains(header, []byte(`"`+ca.eab+`"`)) {
			ca.problem(w, &fakeProblem{403, "externalAccountRequired", "", "bind your account"})
			return
		}
	}
	ca.accounts[j.thumbprint] = true
	ca.json(w, 201, map[string]any{"status": "valid"})
}

func (ca *fakeCA) order(w http.ResponseWriter, status, n int) {
	o := ca.orders[n]
	w.Header().Set("Location", fmt.Sprint(ca.url, "/order/", n))
	ca.json(w, status, map[string]any{
		"status": o.status, "identifiers": []any{map[string]any{"type": "dns", "value": o.host}},
		"authorizations": []string{fmt.Sprint(ca.url, "/authz/", n)}, "finalize": fmt.Sprint(ca.url, "/finalize/", n), "certificate": fmt.Sprint(ca.url, "/cert/", n),
	})
}

func (ca *fakeCA) ordered(w http.ResponseWriter, r *http.Request, j jws, endpoint string, n int) {
	o := ca.orders[n]
	switch endpoint {
	case "order":
		ca.order(w, 200, n)
	case "authz":
		ca.authz(w, n, o)
	case "challenge":
		kind := strings.Split(r.URL.Path, "/")[2]
		p := ca.validate(o.host, kind, fmt.Sprint("token-", n))
		o.challenge, o.problem, o.status = kind, p, "ready"
		if p != nil {
			o.status = "invalid"
		}
		ca.json(w, 200, map[string]any{"type": kind, "status": "processing", "token": fmt.Sprint("token-", n)})
	case "finalize":
		csr, err := base64.RawURLEncoding.DecodeString(j.payload["csr"].(string))
		if err == nil {
			o.chain, err = ca.issue(csr)
		}
		if err != nil {
			ca.problem(w, &fakeProblem{400, "badCSR", "", err.Error()})
			return
		}
		o.status = "valid"
		ca.order(w, 200, n)
	case "cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.WriteHeader(200)
		_, _ = w.Write(o.chain)
	}
}

func (ca *fakeCA) authz(w http.ResponseWriter, n int, o *fakeOrder) {
	status := map[string]string{"pending": "pending", "ready": "valid", "valid": "valid", "invalid": "invalid"}[o.status]
	var challenges []any
	for _, kind := range []string{"http-01", "dns-01", "tls-alpn-01"} {
		c := map[string]any{"type": kind, "url": fmt.Sprint(ca.url, "/challenge/", kind, "/", n), "token": fmt.Sprint("token-", n), "status": "pending"}
		if o.challenge == kind && o.problem != nil {
			c["status"] = "invalid"
			c["error"] = map[string]any{"type": problemPrefix + o.problem.name, "detail": o.problem.detail, "status": o.problem.status}
		}
		challenges = append(challenges, c)
	}
	ca.json(w, 200, map[string]any{"status": status, "identifier": map[string]any{"type": "dns", "value": o.host}, "challenges": challenges})
}

// validate asks the manager as a CA would connect to its ports.
func (ca *fakeCA) validate(host, kind, token string) *fakeProblem {
	if ca.wrong[host] {
		return &fakeProblem{403, "unauthorized", "", "the answer is that of a stranger"}
	}
	m := ca.manager()
	switch kind {
	case "tls-alpn-01":
		cert, err := m.GetCertificate(&tls.ClientHelloInfo{ServerName: host, SupportedProtos: []string{acme.ALPNProto}})
		if ca.noALPN || err != nil || cert == nil {
			return &fakeProblem{400, "tls", "", "no such protocol"}
		}
		leaf, err := x509.ParseCertificate(cert.Certificate[0])
		if err != nil || leaf.VerifyHostname(host) != nil {
			return &fakeProblem{403, "unauthorized", "", "wrong certificate"}
		}
	case "http-01":
		w := httptest.NewRecorder()
		m.HTTPHandler(nil).ServeHTTP(w, httptest.NewRequest("GET", "http://"+host+challengePath+token, nil))
		if body, _ := io.ReadAll(w.Body); !strings.HasPrefix(string(body), token+".") {
			return &fakeProblem{403, "unauthorized", "", "wrong key authorization"}
		}
	}
	return nil
}

func (ca *fakeCA) issue(der []byte) ([]byte, error) {
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, err
	}
	ca.serial++
	template := &x509.Certificate{SerialNumber: big.NewInt(1000 + ca.serial), DNSNames: csr.DNSNames, NotBefore: time.Now(), NotAfter: time.Now().Add(ca.lifetime)}
	cert, err := x509.CreateCertificate(rand.Reader, template, ca.cert, csr.PublicKey, ca.key)
	if err != nil {
		return nil, err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	return append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})...), nil
}

func (ca *fakeCA) json(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (ca *fakeCA) problem(w http.ResponseWriter, p *fakeProblem) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.retryAfter != "" {
		w.Header().Set("Retry-After", p.retryAfter)
	}
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": problemPrefix + p.name, "detail": p.detail, "status": p.status})
}
