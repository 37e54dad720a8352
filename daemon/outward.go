package main

import (
	"context"
	"crypto/tls"
	"fmt"
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
	"honnin/daemon/metrics"
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
		l, h, err := o.listen(o.sources(t, c, catalogue))
		if err != nil {
			stop()
			return nil, err
		}
		running.Go(func() { serveMetrics(ctx, l, h) })
	}
	running.Go(func() { c.Run(ctx) })
	return func() { stop(); running.Wait() }, nil
}

func (o outward) listen(s metrics.Sources) (net.Listener, http.Handler, error) {
	h, err := metrics.Handler(s)
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", o.site.Metrics)
	if err != nil {
		return nil, nil, fmt.Errorf("site.toml: metrics: this machine cannot listen there: %w", err)
	}
	return l, h, nil
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

func serveMetrics(ctx context.Context, l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
		ErrorLog: log.New(io.Discard, "", 0)}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	_ = s.Serve(&few{Listener: l, free: make(chan struct{}, maxScrapers)}) // until it is closed
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
