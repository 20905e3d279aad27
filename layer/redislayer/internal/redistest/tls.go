package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// tlsPort is the argument that stands for the port of a server's own that speaks TLS.
const tlsPort = "tls-port"

// TLSAddr returns the host and the port on which a server of [StartTLS] speaks TLS.
func (s *Server) TLSAddr() string { return net.JoinHostPort("127.0.0.1", s.tls) }

// StartTLS is [Start] of a server that speaks TLS on a second port, with a certificate of the authority's. It asks clients
// for one of theirs unless the arguments say otherwise.
func StartTLS(t testing.TB, ca *Authority, cert Certificate, args ...string) *Server {
	t.Helper()
	return Start(t, append(tlsArguments(ca, cert), args...)...)
}

func tlsArguments(ca *Authority, cert Certificate) []string {
	return []string{"--tls-port", tlsPort, "--tls-cert-file", cert.File, "--tls-key-file", cert.Key, "--tls-ca-cert-file", ca.File}
}

// Authority makes certificates.
type Authority struct {
	File string // its own certificate
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Certificate is the files of one and of its key.
type Certificate struct{ File, Key string }

// NewAuthority makes an authority whose files end with the test.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{dir: t.TempDir()}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: rand.Text()}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	c := a.sign(t, template)
	a.File = c.File
	return a
}

// Issue makes a certificate of a server and client by those names, which may be addresses.
func (a *Authority) Issue(t testing.TB, names ...string) Certificate {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return a.sign(t, template)
}

// sign writes a certificate and its key; the authority's first one it signs itself.
func (a *Authority) sign(t testing.TB, template *x509.Certificate) Certificate {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	must(err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if a.cert == nil {
		a.cert, a.key = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	must(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	name := filepath.Join(a.dir, template.SerialNumber.String())
	c := Certificate{name + ".pem", name + ".key"}
	must(os.WriteFile(c.File, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(os.WriteFile(c.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return c
}
