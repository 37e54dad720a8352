package spool_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/journal"
	"honnin/spool/sheet"
	"honnin/spool/spooltest"
)

// servicePress is a printer of service sheets whose behaviour is written out in each test; it prints no certificate.
type servicePress struct {
	press
	ready   *spool.Readiness // nil: it is
	service func(context.Context, spool.ServiceSheet) (spool.Result, error)
	settled *[]spool.Past
}

func (p servicePress) Ready(context.Context) (spool.Readiness, error) {
	if p.ready != nil {
		return *p.ready, nil
	}
	return spool.Readiness{Ready: true}, nil
}

func (p servicePress) PrintService(ctx context.Context, s spool.ServiceSheet) (spool.Result, error) {
	return p.service(ctx, s)
}

func (p servicePress) Settle(_ context.Context, past spool.Past) spool.Result {
	*p.settled = append(*p.settled, past)
	return spool.Result{Outcome: protocol.Printed, Impressions: 1, Evidence: spool.JobCounters}
}

func (servicePress) Clear(context.Context) error { return nil }

func opens(got spool.Result, err error) func(context.Context, spool.ServiceSheet) (spool.Result, error) {
	return func(_ context.Context, s spool.ServiceSheet) (spool.Result, error) {
		if _, err := s.Open(); err != nil {
			return spool.Result{}, err
		}
		return got, err
	}
}

func kindsOf(t *testing.T, j *journal.Journal) (out []journal.Kind, all []journal.Entry) {
	t.Helper()
	if err := j.Each(func(e journal.Entry) error {
		out, all = append(out, e.Kind), append(all, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Verify(); err != nil {
		t.Error(err)
	}
	return out, all
}

// TestServiceSheet: the intent is on the disk before the sheet can be opened; what a driver says is held against what is known; and wherever
// anything may have come out, staff are needed, in the same breath as the end.
func TestServiceSheet(t *testing.T) {
	printed := spool.Result{Outcome: protocol.Printed, Impressions: 1, JobID: "7", Evidence: spool.JobCounters}
	for name, c := range map[string]struct {
		service func(context.Context, spool.ServiceSheet) (spool.Result, error)
		want    protocol.Outcome
		reason  string
		staff   string
	}{
		"printed":               {opens(printed, nil), protocol.Printed, "", spool.OnSheet},
		"jam":                   {opens(spool.Result{Outcome: protocol.Unsure, Reason: "media-jam"}, nil), protocol.Unsure, "media-jam", "media-jam"},
		"failed after opening":  {opens(spool.Result{Outcome: protocol.Failed, Reason: "canceled", Evidence: spool.JobCounters}, nil), protocol.Failed, "canceled", "canceled"},
		"not begun":             {func(context.Context, spool.ServiceSheet) (spool.Result, error) { return printed, errors.New("refused") }, protocol.Failed, "not-begun", ""},
		"error after opening":   {opens(spool.Result{}, errors.New("gone")), protocol.Unsure, "error-after-first-byte", "error-after-first-byte"},
		"printed, never opened": {func(context.Context, spool.ServiceSheet) (spool.Result, error) { return printed, nil }, protocol.Unsure, "printed-unopened", ""},
		"printed nothing":       {opens(spool.Result{Outcome: protocol.Printed}, nil), protocol.Unsure, "impressions-short", "impressions-short"},
		"says nothing":          {opens(spool.Result{}, nil), protocol.Unsure, "driver-fault", "driver-fault"},
		"panic":                 {func(_ context.Context, s spool.ServiceSheet) (spool.Result, error) { _, _ = s.Open(); panic("x") }, protocol.Unsure, "driver-fault", "driver-fault"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, press(nil))
			s := spooltest.Sheet(t, "usb")
			p := servicePress{service: func(ctx context.Context, out spool.ServiceSheet) (spool.Result, error) {
				if kinds, _ := kindsOf(t, d.j); !slices.Equal(kinds, []journal.Kind{journal.SheetBegun}) {
					t.Errorf("before the first byte: %v", kinds)
				}
				if j := out.Job(); !j.Service || j.Document != s.Digest() || j.Impressions() != 1 || !j.Transaction.IsZero() {
					t.Errorf("%+v", j)
				}
				return c.service(ctx, out)
			}}
			got, err := spool.PrintService(t.Context(), d.j, p, s, "tech-7")
			if err != nil || got.Outcome != c.want || got.Reason != c.reason {
				t.Errorf("%+v %v", got, err)
			}
			_, all := kindsOf(t, d.j)
			if e := all[1]; e.Kind != journal.SheetDone || e.Outcome != c.want || e.Document != s.Digest() || e.Staff != "tech-7" || !e.Transaction.IsZero() {
				t.Errorf("%+v", e)
			}
			if why, err := d.j.StaffNeeded(); err != nil || why != c.staff {
				t.Errorf("staff: %q %v", why, err)
			}
			if out, err := d.j.Outbox(); err != nil || len(out) != 0 {
				t.Errorf("the centre is told of a service sheet: %v %v", out, err)
			}
		})
	}
}

// TestServiceSheetRefused: what may not be printed now is not, and leaves no trace.
func TestServiceSheetRefused(t *testing.T) {
	never := func(context.Context, spool.ServiceSheet) (spool.Result, error) { panic("asked to print") }
	good := servicePress{service: never}
	for name, c := range map[string]struct {
		before []journal.Entry
		p      spool.Printer
		s      sheet.Service
		want   error
	}{
		"a zero sheet":        {nil, good, sheet.Service{}, spool.ErrUnreleased},
		"another printer":     {nil, press(honest), spooltest.Sheet(t, "usb"), spool.ErrNoSheets},
		"a document verified": {[]journal.Entry{{Kind: journal.Accepted, Transaction: protocol.NewTransaction()}}, good, spooltest.Sheet(t, "usb"), spool.ErrNotEmpty},
		"another sheet":       {[]journal.Entry{{Kind: journal.SheetBegun, Document: protocol.Digest{1}}}, good, spooltest.Sheet(t, "usb"), spool.ErrNotEmpty},
		"staff are needed":    {[]journal.Entry{{Kind: journal.StaffNeeded, Reason: "media-jam"}}, good, spooltest.Sheet(t, "usb"), spool.ErrStaff},
		"not ready":           {nil, servicePress{service: never, ready: &spool.Readiness{Reason: "media-needed"}}, spooltest.Sheet(t, "usb"), spool.ErrNotReady},
	} {
		d := newDesk(t, press(nil))
		for _, e := range c.before {
			if _, err := d.j.Record(e); err != nil {
				t.Fatal(err)
			}
		}
		got, err := spool.PrintService(t.Context(), d.j, c.p, c.s, "tech-7")
		if !errors.Is(err, c.want) || got != (spool.Result{}) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
		if kinds, _ := kindsOf(t, d.j); len(kinds) != len(c.before) {
			t.Errorf("%s: %v", name, kinds)
		}
	}
}

// breaking is a printer that breaks down when it is only looked at.
type breaking struct {
	servicePress
	look func()
}

func (b breaking) Ready(context.Context) (spool.Readiness, error) {
	b.look()
	return spool.Readiness{Ready: true}, nil
}

// TestServiceSheetLook: a printer that panics or hangs at the look is not printed on, and nothing is journalled.
func TestServiceSheetLook(t *testing.T) {
	for why, look := range map[string]func(){"driver-fault": func() { panic("x") }, "hang": func() { time.Sleep(time.Hour) }} {
		synctest.Test(t, func(t *testing.T) {
			j := &spooltest.Memory{}
			_, err := spool.PrintService(t.Context(), j, breaking{look: look}, spooltest.Sheet(t, "usb"), "tech-7")
			if not := (*spool.NotReady)(nil); !errors.As(err, &not) || not.Reason != why || len(j.Entries()) != 0 {
				t.Errorf("%s: %v", why, err)
			}
			time.Sleep(2 * time.Hour)
		})
	}
}

// TestZeroServiceSheet: it is no sheet, has no job and does not open; a sheet opens once.
func TestZeroServiceSheet(t *testing.T) {
	if _, err := (spool.ServiceSheet{}).Open(); !errors.Is(err, spool.ErrUnreleased) || (spool.ServiceSheet{}).Job() != (spool.Job{}) {
		t.Error(err)
	}
	d := newDesk(t, press(nil))
	var kept spool.ServiceSheet
	s := spooltest.Sheet(t, "usb")
	p := servicePress{service: func(_ context.Context, s spool.ServiceSheet) (spool.Result, error) {
		kept = s
		r, err := s.Open()
		if err != nil {
			return spool.Result{}, err
		}
		if b, err := io.ReadAll(r); err != nil || protocol.Fingerprint(b) != s.Job().Document {
			t.Error("other bytes", err)
		}
		if _, err := s.Open(); err == nil {
			t.Error("opened twice")
		}
		return spool.Result{Outcome: protocol.Printed, Impressions: 1}, nil
	}}
	if got, err := spool.PrintService(t.Context(), d.j, p, s, "tech-7"); err != nil || got.Outcome != protocol.Printed {
		t.Error(got, err)
	}
	if _, err := kept.Open(); err == nil {
		t.Error("opened afterwards")
	}
}

// failing is a journal of which the n-th record fails.
type failing struct {
	*journal.Journal
	n int
}

func (f *failing) Record(e journal.Entry, with ...journal.Entry) (journal.Entry, error) {
	if f.n--; f.n == 0 {
		return e, errors.New("no space left on device")
	}
	return f.Journal.Record(e, with...)
}

// TestServiceSheetOnAFullDisk: without its intent nothing is sent; without its end it is unsure, and a restart says so, calls staff, and ends
// what is left of it at the printer.
func TestServiceSheetOnAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := journal.Open(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	sent := 0
	p := servicePress{settled: new([]spool.Past), service: func(_ context.Context, s spool.ServiceSheet) (spool.Result, error) {
		sent++
		_, err := s.Open()
		return spool.Result{Outcome: protocol.Printed, Impressions: 1}, err
	}}
	if got, err := spool.PrintService(t.Context(), &failing{j, 1}, p, spooltest.Sheet(t, "usb"), "tech-7"); err == nil || got != (spool.Result{}) || sent != 0 {
		t.Errorf("%+v %v, sent %d", got, err, sent)
	}
	s := spooltest.Sheet(t, "usb")
	if got, err := spool.PrintService(t.Context(), &failing{j, 2}, p, s, "tech-7"); err == nil || got.Outcome != protocol.Unsure || sent != 1 {
		t.Errorf("%+v %v, sent %d", got, err, sent)
	}
	if _, err := spool.PrintService(t.Context(), j, p, spooltest.Sheet(t, "usb"), "tech-7"); !errors.Is(err, spool.ErrNotEmpty) || sent != 1 {
		t.Error("another one before it was settled:", err)
	}
	for range 2 { // a second restart asks the printer again, and journals nothing
		if _, r, err := spool.NewQueue(t.Context(), j, p, time.Now); err != nil || r.Number() != 0 {
			t.Error(r, err)
		}
	}
	kinds, all := kindsOf(t, j)
	if !slices.Equal(kinds, []journal.Kind{journal.SheetBegun, journal.SheetDone, journal.StaffNeeded}) || all[1].Outcome != protocol.Unsure || all[2].Reason != "restart-while-printing" {
		t.Errorf("%v %+v", kinds, all)
	}
	if len(*p.settled) != 2 || (*p.settled)[0].Service != s.Digest() || (*p.settled)[1].Service != s.Digest() || !(*p.settled)[0].Transaction.IsZero() {
		t.Errorf("%+v", *p.settled)
	}
}

// TestServiceSheetHangs: a driver that does not come back leaves the sheet unsure, within a bounded time, and has staff called; what it had
// not opened by then it never does.
func TestServiceSheetHangs(t *testing.T) {
	const limit = 3 * time.Minute // of printing it
	for name, late := range map[string]time.Duration{"never": time.Hour, "before it opens": time.Hour, "in its grace": limit + 10*time.Second} {
		path := filepath.Join(t.TempDir(), "journal")
		synctest.Test(t, func(t *testing.T) {
			j, err := journal.Open(path, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = j.Close() }()
			p := servicePress{service: func(ctx context.Context, s spool.ServiceSheet) (spool.Result, error) {
				if name != "before it opens" {
					_, _ = s.Open()
				}
				time.Sleep(late)
				if _, err := s.Open(); err == nil {
					t.Errorf("%s: it opens late", name)
				}
				return spool.Result{Outcome: protocol.Printed, Impressions: 1}, ctx.Err()
			}}
			begun := time.Now()
			got, err := spool.PrintService(t.Context(), j, p, spooltest.Sheet(t, "usb"), "tech-7")
			if err != nil || got.Outcome != protocol.Unsure || time.Since(begun) > limit+time.Minute {
				t.Errorf("%s: %+v %v after %v", name, got, err, time.Since(begun))
			}
			if why, _ := j.StaffNeeded(); why != got.Reason {
				t.Errorf("%s: staff: %q", name, why)
			}
			time.Sleep(2 * time.Hour) // the one that hangs comes back, and changes nothing
			if kinds, _ := kindsOf(t, j); len(kinds) != 3 {
				t.Errorf("%s: %v", name, kinds)
			}
		})
	}
}
