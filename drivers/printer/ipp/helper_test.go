package ipp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/spool"
)

// quick keeps tests short; nothing depends on how short.
var quick = Timing{Call: 5 * time.Second, Upload: 5 * time.Second, Print: 20 * time.Second, PerImpression: time.Second,
	Cancel: 5 * time.Second, Lost: time.Second, Settle: 20 * time.Millisecond, PollMin: 5 * time.Millisecond, PollMax: 50 * time.Millisecond}

// paper is a document that counts how often it was opened.
type paper struct {
	job    spool.Job
	body   []byte
	reader io.ReadSeeker // instead of body
	err    error
	opened int
	before func() // called when it is opened
	handed string // what the printer calls the job, once it acknowledged the document
	after  func() // called then
}

func (p *paper) Handed(job string) {
	p.handed = job
	if p.after != nil {
		p.after()
	}
}

func (p *paper) Job() spool.Job { return p.job }

func (p *paper) Open() (io.ReadSeeker, error) {
	p.opened++
	if p.before != nil {
		p.before()
	}
	if p.err != nil {
		return nil, p.err
	}
	if p.reader != nil {
		return p.reader, nil
	}
	return bytes.NewReader(p.body), nil
}

// document is one that the engine of ippevetest can count: its pages are spread over its size in bytes.
func document(pages, copies, size int) *paper {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	for n := range pages {
		fmt.Fprintf(&b, "%d 0 obj << /Type /Page /Fictional true >> endobj\n%s\n", n+1, strings.Repeat("%", size/pages))
	}
	return &paper{body: []byte(b.String()), job: spool.Job{Transaction: protocol.NewTransaction(), Pages: pages, Copies: copies,
		Document: sha256.Sum256([]byte(b.String()))}}
}

func open(t testing.TB, address string, o Options) *Printer {
	t.Helper()
	a, err := printer.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if o.Timing == (Timing{}) {
		o.Timing = quick
	}
	p, err := New(a, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.ipp.http.CloseIdleConnections)
	return p
}

func wantReady(t testing.TB, p *Printer, reason string) {
	t.Helper()
	got, err := p.Ready(context.Background())
	if got.Reason != reason || got.Ready != (reason == "") {
		t.Fatalf("ready: %+v, %v; want reason %q", got, err, reason)
	}
}

// becomesReady waits: a device still moves for a moment after it called a job completed.
func becomesReady(t testing.TB, p *Printer, reason string) {
	t.Helper()
	var got spool.Readiness
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got, _ = p.Ready(context.Background()); got.Reason == reason && got.Ready == (reason == "") {
			return
		}
	}
	t.Fatalf("ready: %+v; want reason %q", got, reason)
}

func wantResult(t testing.TB, got spool.Result, err error, outcome protocol.Outcome, impressions int, reason string) {
	t.Helper()
	if err != nil || got.Outcome != outcome || got.Impressions != impressions || got.Reason != reason {
		t.Fatalf("%+v, %v; want %s, %d impressions, reason %q", got, err, outcome, impressions, reason)
	}
	if got.JobID == "" {
		t.Error("the job has no name for the journal")
	}
}

// printed prints one page as a warm-up, after which the device is known to count.
func printed(t testing.TB, p *Printer) {
	t.Helper()
	got, err := p.print(t.Context(), document(1, 1, 100), nil)
	wantResult(t, got, err, protocol.Printed, 1, "")
	becomesReady(t, p, "")
}

// forward copies between a client and a device, and drops both when the client has sent more than limit bytes.
func forward(client net.Conn, to string, limit int64) {
	defer func() { _ = client.Close() }()
	device, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = device.Close() }()
	done := make(chan struct{}, 2)
	go func() { _, _ = io.CopyN(device, client, limit); done <- struct{}{} }()
	go func() { _, _ = io.Copy(client, device); done <- struct{}{} }()
	<-done
}

// halfway is a document during whose reading something happens, once.
type halfway struct {
	io.ReadSeeker
	left int
	then func()
}

func (h *halfway) Read(b []byte) (int, error) {
	n, err := h.ReadSeeker.Read(b)
	if h.left -= n; h.left <= 0 && h.then != nil {
		then := h.then
		h.then = nil
		then()
	}
	return n, err
}
