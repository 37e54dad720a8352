package main

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/selftest"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/spool/document"
	"honnin/spool/document/inspect"
	"honnin/spool/journal"
)

// blind is an inspection that overlooks what acts in a document, until it sees again.
type blind struct {
	document.Inspector
	sees chan struct{}
}

func (b blind) Inspect(ctx context.Context, pdf []byte) (inspect.Facts, error) {
	f, err := b.Inspector.Inspect(ctx, pdf)
	select {
	case <-b.sees:
	default:
		f.Findings = slices.DeleteFunc(f.Findings, func(f inspect.Finding) bool { return f.Code == reason.PDFActiveContent })
	}
	return f, err
}

// TestABrokenCheckNeverOpens: the terminal says which case, the centre hears of it, no card gets anywhere, and staff's
// word opens nothing but a further test.
func TestABrokenCheckNeverOpens(t *testing.T) {
	t.Parallel()
	sees := make(chan struct{})
	s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
		p.Inspector = blind{p.Inspector, sees}
		p.SelfTest = selftest.New(s.flags.state)
	})
	failed := func(v session.View) bool { return v.State == session.Unready && v.Word == "selftest-failed" }
	s.await("the failure", failed)
	s.everythingDelivered()
	all := entries(t, s.place.journal)
	incidents := of(all, journal.Incident)
	if len(incidents) != 1 || incidents[0].Reason != protocol.IncidentSelfTest || incidents[0].Where != "selftest/pdf-active" {
		t.Fatalf("incidents: %+v", incidents)
	}
	if d := of(all, journal.Delivered); len(d) != 1 || uint64(d[0].Of) != incidents[0].Seq {
		t.Errorf("the centre has not got it: %+v", d)
	}
	s.must(s.wish("p01", protocol.ResidentRecord).Hands.Place())
	s.must(s.StaffReady(t.Context(), "s1"))
	s.await("the second failure", func(v session.View) bool {
		return failed(v) && len(of(entries(t, s.place.journal), journal.SelfTest)) == 2
	})
	if n := len(of(entries(t, s.place.journal), journal.VisitBegun)); n != 0 {
		t.Errorf("%d visits began", n)
	}
	s.place.virtual.Pull()
	close(sees)
	s.must(s.StaffReady(t.Context(), "s1"))
	s.awaitState(session.Idle)
	s.prints("p01")
}

func TestSelfTestByHand(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		if err := selfTest(t.Context(), &out, "", asJSON); err != nil {
			t.Fatalf("%v\n%s", err, out.Bytes())
		}
		lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
		if len(lines) < 85 {
			t.Errorf("%d lines", len(lines))
		}
		for _, l := range lines {
			if asJSON && !json.Valid(l) || !asJSON && !bytes.HasPrefix(l, []byte("ok")) && !bytes.Contains(l, []byte("all right")) {
				t.Errorf("%s", l)
			}
		}
	}
}
