package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/config/policy"
	"honnin/config/site"
	"honnin/daemon/collector"
	"honnin/daemon/identity"
	"honnin/daemon/logbook"
	"honnin/daemon/metrics"
	"honnin/daemon/technician"
	"honnin/daemon/terminal"
	"honnin/spool/document/inspect"
	"honnin/spool/incident"
	"honnin/spool/journal"
)

// outward is what a terminal tells others than the centre: incidents to collectors, and numbers to whoever asks for them.
type outward struct {
	site    site.Site
	journal *journal.Journal
	keys    *identity.Keys
	pool    *inspect.Pool
	log     logrus.FieldLogger
	book    *logbook.Book
	printer *technician.Printer
}

// begin tells them until ctx ends, or end is called; that returns when nothing reads the journal any more.
func (o outward) begin(ctx context.Context, t *terminal.Terminal) (end func(), err error) {
	catalogue, err := incident.Load()
	if err != nil {
		return nil, err
	}
	c := collector.New(collector.Options{Terminal: o.site.Terminal, Software: software(), Journal: o.journal, Catalogue: catalogue, Log: o.log,
		Collectors:  func() []policy.Collector { return t.Policy().Collectors() },
		Certificate: func() (tls.Certificate, error) { return o.keys.TLS(nil) }, // as for the centre
		Dir:         filepath.Join(o.site.State, "collectors")})
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	if o.site.Metrics != "" {
		h, err := metrics.Handler(o.sources(t, c, catalogue))
		if err != nil {
			stop()
			return nil, err
		}
		listen := func() (net.Listener, error) { return net.Listen("tcp", o.site.Metrics) }
		running.Go(func() { answerScrapes(ctx, listen, h, o.log) })
	}
	running.Go(func() { c.Run(ctx) })
	return func() { stop(); running.Wait() }, nil
}

func (o outward) sources(t *terminal.Terminal, c *collector.Collectors, catalogue incident.Catalogue) metrics.Sources {
	size := func() (int64, error) {
		info, err := os.Stat(filepath.Join(o.site.State, journalFile))
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	return metrics.Sources{Status: t.Status, Journal: o.journal, Size: size, Children: o.pool.Waiting, Collectors: c.States, Catalogue: catalogue,
		Software: software(), Held: o.pool.Confinement().String(), Now: time.Now}
}

// maxScrapers is how many connections are served at a time; others wait.
const maxScrapers = 8

// answerScrapes serves the metrics until ctx ends. An address that another program holds, or that this machine has not got yet, keeps
// nobody from a certificate: it is tried again, after at most a minute.
func answerScrapes(ctx context.Context, listen func() (net.Listener, error), h http.Handler, log logrus.FieldLogger) {
	failing := false
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		l, err := listen()
		if err == nil {
			failing = false
			log.WithField("address", l.Addr().String()).Info("metrics: this machine answers")
			err = serveMetrics(ctx, l, h)
		}
		if ctx.Err() != nil {
			return
		}
		if !failing {
			log.WithError(err).Warn("metrics: this machine cannot listen there; it goes on trying")
		}
		failing = true
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// serveMetrics returns why it ended; l is closed then.
func serveMetrics(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
		ErrorLog: log.New(io.Discard, "", 0)}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	defer s.Close()
	return s.Serve(&few{Listener: l, free: make(chan struct{}, maxScrapers)})
}

// few is a listener with at most so many connections.
type few struct {
	net.Listener
	free chan struct{}
}

func (f *few) Accept() (net.Conn, error) {
	f.free <- struct{}{}
	c, err := f.Listener.Accept()
	if err != nil {
		<-f.free
		return nil, err
	}
	return &scraper{Conn: c, left: sync.OnceFunc(func() { <-f.free })}, nil
}

type scraper struct {
	net.Conn
	left func()
}

func (c *scraper) Close() error {
	c.left()
	return c.Conn.Close()
}
