// Package pkitest makes a practice world's keys once for all tests of a process: RSA keys are slow to make.
package pkitest

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"honnin/daemon/practice/pki"
)

// Keys are the bytes of a file [pki.FileName], the same each time.
func Keys() ([]byte, error) { return made() }

var made = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "honnin-keys-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := pki.Load(dir, time.Now()); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, pki.FileName))
})
