package collector

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"honnin/config/protocol"
	"honnin/daemon/durable"
)

// errPlace: it is not known how far a collector is.
var errPlace = errors.New("how far it is cannot be kept on this disk")

// place remembers up to which entry one collector was told.
type place struct {
	disk durable.Disk
	dir  string // of all collectors
	id   string // a word
}

func (p place) path() string { return filepath.Join(p.dir, p.id) }

// load returns the last place that was kept; a zero one where there is none, or none that can be read: then all is told anew.
func (p place) load() (h protocol.JournalHead) {
	b, err := os.ReadFile(p.path())
	if err != nil || protocol.ParseBody(b, &h) != nil {
		return protocol.JournalHead{}
	}
	return h
}

// save keeps a place through a power cut: after it there is this one, or the one before.
func (p place) save(h protocol.JournalHead) error {
	b, err := protocol.EncodeBody(h)
	if err != nil {
		return err
	}
	err = durable.InOrder(p.directory, func() error { return durable.Replace(p.disk, p.path(), b) }) // no word has a point
	if err != nil {
		return fmt.Errorf("%w: %w", errPlace, err)
	}
	return nil
}

func (p place) directory() error {
	if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.InOrder(
		func() error { return p.disk.Mkdir(p.dir) },
		func() error { return p.disk.Sync(filepath.Dir(p.dir)) })
}
