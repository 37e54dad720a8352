package inspect

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"testing"
	"time"
)

// FuzzChildProtocol lets a child say anything, as it stands or framed as a report, and asks a child anything. What the
// parent takes for facts is the one way to say them, and they hang together; the child takes a document of just
// the length that was said.
func FuzzChildProtocol(f *testing.F) {
	for _, change := range []func(*Facts){nil, func(f *Facts) { f.Findings = []Finding{{order[1], "x"}} }, func(f *Facts) { f.Statement, f.StatementTruncated = make([]byte, MaxStatement), true },
		func(f *Facts) { f.PageCount, f.Tags = 2, []Tag{{Page: 1, Pages: 2}, {Page: 2, Pages: 2}} }} {
		f.Add(report(change), true)
		f.Add(append([]byte(helloMagic+"\x00\x07"), frame(report(change))...), false)
	}
	f.Add(emptyReport, true)
	f.Add([]byte("HNI1"), false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, false)
	f.Fuzz(func(t *testing.T, said []byte, framed bool) {
		asked(t, said)
		if framed {
			said = append([]byte(helloMagic+"\x00\x07"), frame(said)...)
		}
		held, facts, err := converse(t, said)
		if err != nil {
			return
		}
		again, err := facts.marshal()
		canonical := append(binary.BigEndian.AppendUint16([]byte(helloMagic), uint16(held)), frame(again)...)
		if err != nil || !bytes.Equal(canonical, said) {
			t.Errorf("%v: %x, was %x", err, canonical, said)
		}
		if len(facts.Findings) == 0 && (facts.PageCount < 1 || facts.PageCount > MaxPages || len(facts.Tags) != facts.PageCount || facts.Statement == nil) {
			t.Errorf("nothing wrong, and yet %+v", facts)
		}
		if len(facts.Statement) > MaxStatement || len(facts.Tags) > 0 && len(facts.Tags) != facts.PageCount {
			t.Errorf("%+v", facts)
		}
	})
}

// converse has the parent talk to a child that says this and ends, whatever it is asked.
func converse(t *testing.T, said []byte) (Confinement, Facts, error) {
	theirIn, in, err1 := os.Pipe()
	out, theirOut, err2 := os.Pipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = theirOut.Write(said) // the parent may hang up
		theirOut.Close()
		_, _ = io.Copy(io.Discard, theirIn)
		theirIn.Close()
	}()
	c := &child{in: in, out: out}
	defer func() { in.Close(); out.Close(); <-done }()
	held, err := c.hello()
	if err != nil {
		return 0, Facts{}, err
	}
	facts, err := c.exchange([]byte("%PDF-"), time.Minute)
	return held, facts, err
}

// asked has the child read a request.
func asked(t *testing.T, b []byte) {
	if len(b) >= 4 && binary.BigEndian.Uint32(b) > 1<<20 && binary.BigEndian.Uint32(b) <= maxDocument {
		return // it would be given that much memory first, which a fuzz has no time for
	}
	pdf, err := receive(bytes.NewReader(b))
	whole := len(b) >= 4 && uint64(binary.BigEndian.Uint32(b)) <= uint64(len(b)-4)
	if whole != (err == nil) || whole && !bytes.HasPrefix(b[4:], pdf) {
		t.Errorf("%d bytes of %d, %v", len(pdf), len(b), err)
	}
}
