package practice

import (
	"crypto/ecdh"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"honnin/config/protocol"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/pki"
)

// IncidentKey is a municipality's key for sealed packages. It follows from another of its practice keys, so that it lasts as long as
// they do; one municipality has a P-256 key, the others X25519.
func (w *World) IncidentKey(code protocol.Municipality) (*ecdh.PrivateKey, error) {
	return incidentKey(w.keys, code)
}

func incidentKey(keys *pki.Keys, code protocol.Municipality) (*ecdh.PrivateKey, error) {
	der, err := x509.MarshalPKCS8PrivateKey(keys.Towns[code].RegisterCA.Key)
	if err != nil {
		return nil, err
	}
	secret := sha256.Sum256(append([]byte("honnin practice incident key "), der...))
	curve := ecdh.X25519()
	if code == people.Kaku {
		curve = ecdh.P256()
	}
	return curve.NewPrivateKey(secret[:])
}

// sealedTo is a municipality's line of the policy. Without its key it is one that no policy may have.
func (w *World) sealedTo(code protocol.Municipality) string {
	key, err := w.IncidentKey(code)
	if err != nil {
		return "incident_key = \"\"\n"
	}
	der, err := x509.MarshalPKIXPublicKey(key.PublicKey())
	if err != nil {
		return "incident_key = \"\"\n"
	}
	return fmt.Sprintf("incident_key = \"\"\"\n%s\"\"\"\n", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// IncidentKeyFile is the name of a municipality's private key in the directory of the keys, for "honnind incident open".
func IncidentKeyFile(code protocol.Municipality) string { return string(code) + ".incident.key" }

// handOutIncidentKeys gives every municipality its key.
func handOutIncidentKeys(dir string, keys *pki.Keys) error {
	for code := range keys.Towns {
		key, err := incidentKey(keys, code)
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, IncidentKeyFile(code)), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			return err
		}
	}
	return nil
}
