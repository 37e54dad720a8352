package main

import (
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

// operatorsAt is where the operators' page is looked for first, and the file of the state directory that says where it is.
const (
	operatorsAt   = "127.0.0.1:8081"
	operatorsFile = "operator"
)

// desk is the operators' page of a practice world, being served.
type desk struct {
	address string
	http    *http.Server
	served  chan error
}

// operators serves the operators' page on a free port of loopback, and says in the state directory where: without a screen, or beside
// one whose address was chosen, on a port that the system chooses.
func (s *stage) operators() (*desk, error) {
	at := operatorsAt
	if s.flags.listenGiven || s.flags.scripted() {
		at = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", at)
	if errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, err
	}
	page, err := s.world.Operators(hosts(l))
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	d := &desk{"http://" + l.Addr().String() + "/", page.HTTP(), make(chan error, 1)}
	if err := os.WriteFile(filepath.Join(s.flags.state, operatorsFile), []byte(d.address+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	go func() { d.served <- d.http.Serve(l) }()
	return d, nil
}

// watched serves the operators' page of a run without a screen; nil in a temporary state directory, where nobody would find it.
func (s *stage) watched() (*desk, error) {
	if s.flags.temporary {
		return nil, nil
	}
	return s.operators()
}

// close ends it.
func (d *desk) close() error {
	if d == nil {
		return nil
	}
	err := d.http.Close()
	if served := <-d.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
