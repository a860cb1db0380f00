package autotls

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/acme"

	"mox/dns"
)

// attemptTimeout bounds what one certificate takes. CAs are usually done within seconds.
const attemptTimeout = 5 * time.Minute

// order is one request for a certificate. It lives until it is issued or refused.
type order struct {
	ca         *ca
	host       dns.Domain
	key        crypto.Signer
	challenges []Challenge // In the order to try them.
	answers    *challenges
}

// run requests the certificate. It returns the chain as DER, the end certificate first, and the challenge
// that succeeded; none was needed where the CA still knew that the host is ours.
func (o *order) run(ctx context.Context) (chain [][]byte, used Challenge, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	for again := true; ; again = false {
		client, err := o.ca.account(ctx, o.host)
		if err != nil {
			return nil, "", err
		}
		chain, used, err := o.tryAll(ctx, client)
		gone, deactivated := hasProblem(err, "accountDoesNotExist"), accountRefused(err)
		if !again || !gone && !deactivated || !o.ca.lost(client, deactivated) {
			return chain, used, err
		}
	}
}

// newOrderError marks an error as one of the account's right to order anything.
type newOrderError struct{ err error }

func (e *newOrderError) Error() string { return e.err.Error() }
func (e *newOrderError) Unwrap() error { return e.err }

// accountRefused tells whether err says that an account may not order anything.
func accountRefused(err error) bool {
	var e *newOrderError
	return errors.As(err, &e) && refusesKey(err)
}

// tryAll tries the challenges. A failed one spoils its order (RFC 8555 §7.1.6), so each
// has one of its own.
func (o *order) tryAll(ctx context.Context, client *acme.Client) ([][]byte, Challenge, error) {
	var failed validationError
	for _, challenge := range o.challenges {
		chain, used, err := o.try(ctx, client, challenge)
		var authz *acme.AuthorizationError
		if err == nil || !errors.As(err, &authz) && !errors.Is(err, errNotOffered) {
			return chain, used, err
		}
		failed.challenges = append(failed.challenges, challenge)
		failed.errs = append(failed.errs, err)
	}
	return nil, "", &failed
}

// try requests the certificate, with one challenge.
func (o *order) try(ctx context.Context, client *acme.Client, challenge Challenge) (_ [][]byte, used Challenge, _ error) {
	ao, err := client.AuthorizeOrder(ctx, acme.DomainIDs(o.host.ASCII))
	if err != nil {
		return nil, "", &newOrderError{err}
	}
	for _, url := range ao.AuthzURLs {
		authz, err := client.GetAuthorization(ctx, url)
		if err != nil {
			return nil, "", err
		}
		if authz.Status == acme.StatusValid {
			continue // Still known from an earlier order.
		}
		if err := o.authorize(ctx, client, authz, challenge); err != nil {
			if decided := new(acme.AuthorizationError); !errors.As(err, &decided) {
				o.abandon(ctx, client, url)
			}
			return nil, "", err
		}
		used = challenge
	}
	if ao, err = client.WaitOrder(ctx, ao.URI); err != nil {
		return nil, "", err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{o.host.ASCII}}, o.key)
	if err != nil {
		return nil, "", &localError{err}
	}
	chain, _, err := client.CreateCertFromOrder(ctx, ao, csr, true)
	return chain, used, err
}

// authorize answers the challenge and waits for the verdict.
func (o *order) authorize(ctx context.Context, client *acme.Client, authz *acme.Authorization, challenge Challenge) error {
	i := slices.IndexFunc(authz.Challenges, func(c *acme.Challenge) bool { return c.Type == string(challenge) })
	if i < 0 {
		return errNotOffered
	}
	offered := authz.Challenges[i]
	end, err := o.answer(client, challenge, offered.Token)
	if err != nil {
		return &localError{err}
	}
	defer end()
	if _, err := client.Accept(ctx, offered); err != nil {
		return err
	}
	_, err = client.WaitAuthorization(ctx, authz.URI)
	return err
}

// answer prepares for the CA to ask.
func (o *order) answer(client *acme.Client, challenge Challenge, token string) (end func(), err error) {
	switch challenge {
	case TLSALPN01:
		cert, err := client.TLSALPN01ChallengeCert(token, o.host.ASCII)
		if err != nil {
			return nil, err
		}
		return o.answers.answerTLS(o.host.ASCII, &cert), nil
	case HTTP01:
		key, err := client.HTTP01ChallengeResponse(token)
		if err != nil {
			return nil, err
		}
		return o.answers.answerHTTP(token, key), nil
	}
	return nil, fmt.Errorf("challenge %q is not known", challenge)
}

// abandon tells the CA that an authorization is not wanted any more, if it is not decided yet: CAs limit how many may be
// pending. It matters little if that fails.
func (o *order) abandon(ctx context.Context, client *acme.Client, url string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if authz, err := client.GetAuthorization(ctx, url); err == nil && authz.Status == acme.StatusPending {
		_ = client.RevokeAuthorization(ctx, url)
	}
}

// newCertificate checks what a CA, or a file, has for a host and a key.
func newCertificate(chain [][]byte, key crypto.Signer, host dns.Domain) (*tls.Certificate, error) {
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate")
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, err
	}
	if err := leaf.VerifyHostname(host.ASCII); err != nil {
		return nil, err
	}
	if !sameKey(leaf.PublicKey, key.Public()) {
		return nil, errors.New("the certificate is for another key")
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, nil
}
