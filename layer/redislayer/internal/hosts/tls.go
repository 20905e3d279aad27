package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// tls returns the configuration that the ssl arguments describe, nil without "ssl". Certificates are read at once.
func (a arguments) tls() (*tls.Config, error) {
	on, err := a.truth("ssl", false)
	if err != nil || !on {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	version, err := a.number("ssl_min_version", tls.VersionTLS12, tls.VersionTLS10, tls.VersionTLS13)
	if err != nil {
		return nil, err
	}
	c.MinVersion = uint16(version)
	if c.RootCAs, err = a.roots(); err != nil {
		return nil, err
	}
	if err := a.clientCertificate(c); err != nil {
		return nil, err
	}
	verify, err := a.verify()
	if err != nil {
		return nil, err
	}
	hostname, err := a.truth("ssl_check_hostname", true)
	switch {
	case err != nil:
		return nil, err
	case !verify:
		c.InsecureSkipVerify = true
	case !hostname:
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, c.RootCAs) }
	}
	return c, nil
}

// verify reports whether the server's certificate is looked at. To a client "optional" is "required".
func (a arguments) verify() (bool, error) {
	v, there := a["ssl_cert_reqs"]
	switch {
	case !there:
		return true, nil
	case v == nil: // None is none here, not the default
		return false, nil
	}
	if s, ok := v.(string); ok {
		switch s {
		case "none", "CERT_NONE":
			return false, nil
		case "optional", "required", "CERT_OPTIONAL", "CERT_REQUIRED":
			return true, nil
		}
		return false, errors.New(`ssl_cert_reqs is not "none", "optional" or "required"`)
	}
	n, err := a.number("ssl_cert_reqs", 2, 0, 2)
	return n != 0, err
}

// verifyChain is what crypto/tls does itself, less the check of the host's name.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}

// roots returns the authorities to trust; nil means the system's.
func (a arguments) roots() (*x509.CertPool, error) {
	var pool *x509.CertPool
	add := func(name string, pem []byte) error {
		if pool == nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s has no certificate", name)
		}
		return nil
	}
	data, err := a.text("ssl_ca_data")
	if err != nil {
		return nil, err
	}
	if data != "" {
		if err := add("ssl_ca_data", []byte(data)); err != nil {
			return nil, err
		}
	}
	file, err := a.text("ssl_ca_certs")
	if err != nil {
		return nil, err
	}
	files := []string{file}
	dir, err := a.text("ssl_ca_path")
	if err != nil {
		return nil, err
	}
	if dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*.*"))
		if err != nil {
			return nil, fmt.Errorf("ssl_ca_path: %w", err)
		}
		files = append(files, more...)
	}
	for i, file := range files {
		if file == "" {
			continue
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("a file of certificates: %w", err)
		}
		if err := add("ssl_ca_certs", pem); err != nil && i == 0 {
			return nil, err
		}
	}
	return pool, nil
}

func (a arguments) clientCertificate(c *tls.Config) error {
	cert, err := a.text("ssl_certfile")
	if err != nil {
		return err
	}
	key, err := a.text("ssl_keyfile")
	if err != nil || cert == "" && key == "" {
		return err
	}
	if key == "" {
		key = cert // one file may have both
	}
	if cert == "" {
		return errors.New("ssl_keyfile needs ssl_certfile")
	}
	loaded, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("ssl_certfile: %w", err)
	}
	c.Certificates = []tls.Certificate{loaded}
	return nil
}
