package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mox/admin"
	"mox/internal/atomicfile"
	"mox/internal/ctl"
)

func configTLSPubkeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tlspubkey",
		Short: "Keys with which mail programs log in without a password",
		Long: `Tlspubkey has subcommands for keys of TLS clients: a mail program that shows a
certificate with such a key logs in to its account without a password, by SASL
EXTERNAL. It does not matter who signed the certificate, or whether it has
expired. The commands change domains.conf and take effect at once.`,
		RunE: groupRun,
	}
	cmd.AddCommand(
		listCommand("keys", "config.tlskey.list", `List prints the keys, a line each: the SHA-256 of the public key in base64, and
the account.`, "mox config tlspubkey", func(k admin.TLSKey) []string { return []string{k.Key, k.Account} }),
		tlsPubkeyGetCommand(),
		tlsPubkeyAddCommand(),
		&cobra.Command{
			Use:     "rm key",
			Short:   "Remove a key from its account",
			Long:    `Rm removes a key, given as "mox config tlspubkey list" prints it.`,
			Example: "  mox config tlspubkey rm K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
			Args:    cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return changeConfig(cmd, "config.tlskey.rm", nameParams{args[0]}, "key %s is removed", args[0])
			},
		},
		tlsPubkeyGenCommand(),
	)
	return cmd
}

func tlsPubkeyGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "get key|file",
		Short:   "Print the account that a key belongs to",
		Long:    `Get prints the account of a key, or of the key in a PEM file with a certificate.`,
		Example: "  mox config tlspubkey get phone.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := tlsKeyArgument(args[0])
			if err != nil {
				return err
			}
			var l []admin.TLSKey
			err = withServer(cmd, func(ctx context.Context, c *ctl.Client) error {
				return c.Call(ctx, "config.tlskey.list", nil, ctl.Streams{}, &l)
			})
			if err != nil {
				return err
			}
			for _, k := range l {
				if k.Key == key {
					_, err := fmt.Fprintln(cmd.OutOrStdout(), k.Account)
					return err
				}
			}
			return fmt.Errorf("%w: %s; add it with \"mox config tlspubkey add\"", admin.ErrNoTLSKey, key)
		},
	}
}

func tlsPubkeyAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add account key|file",
		Short: "Add a key to an account",
		Long: `Add lets the owner of a key log in to an account. The key is given by its
SHA-256 in base64, or by a PEM file with a certificate.`,
		Example: `  mox config tlspubkey add ann phone.pem
  mox config tlspubkey add ann K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := tlsKeyArgument(args[1])
			if err != nil {
				return err
			}
			return changeConfig(cmd, "config.tlskey.add", admin.TLSKey{Account: args[0], Key: key}, "key %s is added to account %s", key, args[0])
		},
	}
}

// tlsKeyArgument returns the SHA-256 in base64 of a public key, which is given as that, or as a file with a
// certificate.
func tlsKeyArgument(s string) (string, error) {
	if sum, err := base64.StdEncoding.Strict().DecodeString(s); err == nil && len(sum) == sha256.Size {
		return s, nil
	}
	data, err := os.ReadFile(s)
	if err != nil {
		return "", fmt.Errorf("%q is neither the SHA-256 of a key in base64 nor a file that can be read: %w", s, err)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s, err)
		}
		return tlsKeyText(cert), nil
	}
	return "", fmt.Errorf("%s has no certificate in PEM; make one with \"mox config tlspubkey gen\"", s)
}

// tlsKeyText returns the SHA-256 of the public key of a certificate, in base64.
func tlsKeyText(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// tlsKeyLifetime is that of certificates that gen makes. Nobody checks it, but programs may refuse what has expired.
const tlsKeyLifetime = 30 * 365 * 24 * time.Hour

func tlsPubkeyGenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "gen file",
		Short: "Make a key and a certificate for a mail program",
		Long: `Gen makes a private key and a self-signed certificate, writes both to a new PEM
file, for import into a mail program, and prints the SHA-256 of the key for
"mox config tlspubkey add". Many programs want PKCS #12, which openssl makes
from it.`,
		Example: `  mox config tlspubkey gen phone.pem
  openssl pkcs12 -export -in phone.pem -out phone.p12`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, cert, err := newClientCertificate(time.Now())
			if err != nil {
				return err
			}
			if err := atomicfile.Create(args[0], text, 0o600); errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s exists; name a new file", args[0])
			} else if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), tlsKeyText(cert))
			return err
		},
	}
}

// newClientCertificate returns a key and a certificate for it in PEM.
func newClientCertificate(now time.Time) ([]byte, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "mox"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(tlsKeyLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	var b strings.Builder
	for _, block := range []*pem.Block{{Type: "PRIVATE KEY", Bytes: keyDER}, {Type: "CERTIFICATE", Bytes: der}} {
		if err := pem.Encode(&b, block); err != nil {
			return nil, nil, err
		}
	}
	return []byte(b.String()), cert, nil
}
