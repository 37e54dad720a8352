package spool_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/document"
	"honnin/spool/journal"
	"honnin/spool/spooltest"
)

var paper = []byte("%PDF-1.7\na document\n")

// press is a printer whose behaviour is written out in each test.
type press func(spool.Released) (spool.Result, error)

func (p press) Ready(context.Context) (spool.Readiness, error) {
	return spool.Readiness{Ready: true}, nil
}

func (p press) Print(_ context.Context, r spool.Released, _ spool.Progress) (spool.Result, error) {
	return p(r)
}

func honest(r spool.Released) (spool.Result, error) {
	doc, err := r.Open()
	if err != nil {
		return spool.Result{}, err
	}
	if b, _ := io.ReadAll(doc); !bytes.Equal(b, paper) {
		return spool.Result{}, errors.New("other bytes")
	}
	return spool.Result{Outcome: protocol.Printed, Impressions: r.Job().Impressions()}, nil
}

// desk is one terminal's queue over a real journal.
type desk struct {
	*spooltest.World
	q *spool.Queue
	j *journal.Journal
	d document.Verified
}

func newDesk(t *testing.T, p spool.Printer) *desk {
	t.Helper()
	w := spooltest.New(t)
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal"), w.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	q, _, err := spool.NewQueue(t.Context(), j, p, w.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{w, q, j, w.Verified(t, paper, 2, 1)}
}

func (d *desk) accept(t *testing.T) {
	t.Helper()
	if err := d.q.Accept(t.Context(), 1, d.d); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) release(t *testing.T) spool.Released {
	t.Helper()
	r, err := d.q.Release(t.Context(), 1, d.d, d.InForce(t, d.d), d.Signature(t, d.d))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (d *desk) kinds(t *testing.T) (out []journal.Kind, last journal.Entry) {
	t.Helper()
	if err := d.j.Each(func(e journal.Entry) error {
		out, last = append(out, e.Kind), e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out, last
}

func TestPrinted(t *testing.T) {
	d := newDesk(t, press(honest))
	d.accept(t)
	r := d.release(t)
	if kinds, last := d.kinds(t); len(kinds) != 2 || last.Kind != journal.Sending || last.Signature == (protocol.Digest{}) {
		t.Fatalf("the intent is not on the disk before the first byte: %v", kinds)
	}
	got, err := d.q.Print(t.Context(), r, nil)
	if err != nil || got.Outcome != protocol.Printed || got.Impressions != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if _, last := d.kinds(t); last.Outcome != protocol.Printed || last.Impressions != 2 || last.Document != protocol.Fingerprint(paper) {
		t.Errorf("%+v", last)
	}
	if _, err := d.q.Print(t.Context(), r, nil); !errors.Is(err, document.ErrSpent) {
		t.Errorf("printed twice: %v", err)
	}
	if _, err := r.Open(); err == nil {
		t.Error("opened after printing")
	}
}

// TestWhatADriverSaysIsHeldAgainstTheEvidence: no driver, however broken, gets a better outcome than is known.
func TestWhatADriverSaysIsHeldAgainstTheEvidence(t *testing.T) {
	open := func(r spool.Released) { _, _ = r.Open() }
	for name, c := range map[string]struct {
		print press
		want  protocol.Outcome
		why   string
		staff bool
	}{
		"one page short": {func(r spool.Released) (spool.Result, error) {
			open(r)
			return spool.Result{Outcome: protocol.Printed, Impressions: 1}, nil
		}, protocol.Unsure, "impressions-short", true},
		"printed without a look": {func(r spool.Released) (spool.Result, error) {
			return spool.Result{Outcome: protocol.Printed, Impressions: 2}, nil
		}, protocol.Unsure, "printed-unopened", true},
		"error after opening": {func(r spool.Released) (spool.Result, error) { open(r); return spool.Result{}, errors.New("lost") }, protocol.Unsure, "error-after-first-byte", true},
		"error before":        {func(r spool.Released) (spool.Result, error) { return spool.Result{}, errors.New("no") }, protocol.Failed, "not-begun", false},
		"panic":               {func(r spool.Released) (spool.Result, error) { open(r); panic("driver") }, protocol.Unsure, "driver-fault", true},
		"nonsense":            {func(r spool.Released) (spool.Result, error) { open(r); return spool.Result{Outcome: "fine"}, nil }, protocol.Unsure, "driver-fault", true},
		"a jam": {func(r spool.Released) (spool.Result, error) {
			open(r)
			return spool.Result{Outcome: protocol.Failed, Reason: "media-jam"}, nil
		}, protocol.Failed, "media-jam", true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, c.print)
			d.accept(t)
			got, err := d.q.Print(t.Context(), d.release(t), nil)
			if err != nil || got.Outcome != c.want || got.Reason != c.why {
				t.Errorf("%+v %v", got, err)
			}
			if why, _ := d.j.StaffNeeded(); (why != "") != c.staff {
				t.Errorf("staff needed: %q", why)
			}
			if open, _ := d.j.Unfinished(); len(open) != 0 {
				t.Errorf("left open: %+v", open)
			}
		})
	}
}

func TestReleaseRefuses(t *testing.T) {
	d := newDesk(t, press(honest))
	f, s := d.InForce(t, d.d), d.Signature(t, d.d)
	ctx := t.Context()
	if _, err := d.q.Release(ctx, 1, document.Verified{}, f, s); !errors.Is(err, document.ErrUnverified) {
		t.Errorf("a zero document: %v", err)
	}
	if _, err := d.q.Release(ctx, 1, d.d, document.InForce{}, s); !errors.Is(err, document.ErrUnverified) {
		t.Errorf("no answer: %v", err)
	}
	if _, err := d.q.Release(ctx, 1, d.d, f, document.ReleaseSignature{}); !errors.Is(err, document.ErrUnverified) {
		t.Errorf("no signature: %v", err)
	}
	if _, err := d.q.Print(ctx, spool.Released{}, nil); !errors.Is(err, spool.ErrUnreleased) {
		t.Errorf("a zero Released printed: %v", err)
	}
	if _, err := (spool.Released{}).Open(); !errors.Is(err, spool.ErrUnreleased) {
		t.Errorf("a zero Released opened: %v", err)
	}
	if err := d.q.Accept(ctx, 1, document.Verified{}); !errors.Is(err, document.ErrUnverified) {
		t.Errorf("a zero document was accepted: %v", err)
	}
	if kinds, _ := d.kinds(t); len(kinds) != 0 {
		t.Errorf("a refused release left %v", kinds)
	}
}

func TestUnacceptedIsNotReleasedAndIsDestroyed(t *testing.T) {
	d := newDesk(t, press(honest))
	f, s := d.InForce(t, d.d), d.Signature(t, d.d)
	if _, err := d.q.Release(t.Context(), 1, d.d, f, s); !errors.Is(err, journal.ErrState) {
		t.Fatalf("released what was never accepted: %v", err)
	}
	if _, err := d.d.Spend(f, s, d.Now()); !errors.Is(err, document.ErrSpent) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestTheSameTwiceAndTwoAtOnce(t *testing.T) {
	d := newDesk(t, press(honest))
	d.accept(t)
	f, s := d.InForce(t, d.d), d.Signature(t, d.d)
	r := d.release(t)
	if _, err := d.q.Release(t.Context(), 1, d.d, f, s); !errors.Is(err, spool.ErrNotEmpty) {
		t.Errorf("two on the way: %v", err)
	}
	if _, err := d.q.Print(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.q.Release(t.Context(), 1, d.d, f, s); !errors.Is(err, document.ErrSpent) {
		t.Errorf("the same twice: %v", err)
	}
}

func TestThirtySecondsFromCommitToFirstByte(t *testing.T) {
	d := newDesk(t, press(honest))
	d.accept(t)
	r := d.release(t)
	d.Pass(spool.MaxCommitToFirstByte + time.Second)
	got, err := d.q.Print(t.Context(), r, nil)
	if err != nil || got.Outcome != protocol.Failed || got.Reason != "not-begun" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestADiskThatIsFull(t *testing.T) {
	full := errors.New("no space left on device")
	w := spooltest.New(t)
	for _, at := range []journal.Kind{journal.Accepted, journal.Sending, journal.Ended} {
		t.Run(string(at), func(t *testing.T) {
			w.Renew()
			m := &spooltest.Memory{Fail: func(e journal.Entry) error {
				if e.Kind == at {
					return full
				}
				return nil
			}}
			opened := false
			q, _, _ := spool.NewQueue(t.Context(), m, press(func(r spool.Released) (spool.Result, error) { opened = true; return honest(r) }), w.Now)
			d := w.Verified(t, paper, 1, 1)
			err := q.Accept(t.Context(), 1, d)
			var r spool.Released
			if err == nil {
				r, err = q.Release(t.Context(), 1, d, w.InForce(t, d), w.Signature(t, d))
			}
			var result spool.Result
			if err == nil {
				result, err = q.Print(t.Context(), r, nil)
			}
			if !errors.Is(err, full) {
				t.Errorf("the full disk was not said: %v", err)
			}
			if opened != (at == journal.Ended) || result.Outcome == protocol.Printed {
				t.Errorf("opened %v, outcome %q", opened, result.Outcome)
			}
		})
	}
}

// TestAfterARestart: what was not begun is void, what was begun is unsure and calls staff, and the queue never
// prints anything by itself.
func TestAfterARestart(t *testing.T) {
	for name, c := range map[string]struct {
		begun bool
		want  protocol.Outcome
	}{"not begun": {false, protocol.Void}, "begun": {true, protocol.Unsure}} {
		t.Run(name, func(t *testing.T) {
			never := press(func(spool.Released) (spool.Result, error) { t.Error("printed"); return spool.Result{}, nil })
			d := newDesk(t, never)
			d.accept(t)
			if c.begun {
				d.release(t)
			}
			_, found, err := spool.NewQueue(t.Context(), d.j, never, d.Now) // the power came back
			if err != nil || len(found.Void)+len(found.Unsure) != 1 {
				t.Fatalf("%+v %v", found, err)
			}
			if o, _ := d.j.Outcome(d.d.Transaction()); o != c.want {
				t.Errorf("outcome %s, want %s", o, c.want)
			}
			if why, _ := d.j.StaffNeeded(); (why != "") != c.begun {
				t.Errorf("staff needed: %q", why)
			}
			if _, again, _ := spool.NewQueue(t.Context(), d.j, never, d.Now); len(again.Void)+len(again.Unsure) != 0 {
				t.Error("settled twice")
			}
		})
	}
}

func TestVoid(t *testing.T) {
	d := newDesk(t, press(honest))
	d.accept(t)
	f, s := d.InForce(t, d.d), d.Signature(t, d.d)
	if err := d.q.Void(t.Context(), 1, d.d, "card-not-taken"); err != nil {
		t.Fatal(err)
	}
	if o, _ := d.j.Outcome(d.d.Transaction()); o != protocol.Void {
		t.Errorf("outcome %q", o)
	}
	if _, err := d.q.Release(t.Context(), 1, d.d, f, s); !errors.Is(err, document.ErrSpent) {
		t.Errorf("released after void: %v", err)
	}
}
