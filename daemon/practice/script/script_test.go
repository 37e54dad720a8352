package script

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"honnin/config/protocol"
	"honnin/daemon/session"
)

// quick is a terminal that shows several pictures before an applicant looks up.
type quick struct {
	*Applicant
	shows  []session.State
	places func() // may be nil
}

func (q quick) Place() error {
	if q.places != nil {
		q.places()
	}
	for _, s := range q.shows {
		q.Show(session.View{State: s})
	}
	return nil
}

// TestWhatIsHeardLate: what is observed of a visit after its end is not the next one's, which may have no transaction of its own.
func TestWhatIsHeardLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewApplicant(time.Now)
		q := quick{a, []session.State{session.Opening, session.Idle}, nil}
		a.At(q)
		a.Show(session.View{State: session.Idle})
		last := session.Step{Visit: 7, Transaction: protocol.NewTransaction()}
		ends := last
		ends.End = &session.Ending{Transaction: last.Transaction}
		first := quick{a, q.shows, nil}
		first.places = func() { a.Observe(ends) }
		for _, h := range []quick{first, {a, q.shows, func() { a.Observe(last) }}} {
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			if _, err := a.Visit(ctx, Wish{Hands: h}); err != nil {
				t.Error(err)
			}
			stop()
		}
	})
}

// TestShutInMidVisit: a terminal that fails its self-test while a card lies there is not waited for.
func TestShutInMidVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewApplicant(time.Now)
		q := quick{a, nil, nil}
		a.At(q)
		a.Show(session.View{State: session.Idle})
		q.shows = []session.State{session.Opening}
		go func() {
			time.Sleep(time.Second)
			a.Show(session.View{State: session.Unready, Word: "selftest-failed"})
		}()
		if _, err := a.Visit(t.Context(), Wish{Hands: q}); !errors.Is(err, ErrShut) {
			t.Error(err)
		}
	})
}

func (quick) Pull() error                              { return nil }
func (quick) Type(context.Context, string) error       { return nil }
func (quick) TakePaper()                               {}
func (quick) Press(uint64, session.Input)              {}
func (quick) StaffReady(context.Context, string) error { return nil }

// TestNoPictureIsMissed: a visit is over when the screen said so, whatever it says when the applicant looks up.
func TestNoPictureIsMissed(t *testing.T) {
	for name, c := range map[string]struct {
		shows []session.State
		over  bool
	}{
		"over at once":                {[]session.State{session.Opening, session.Idle}, true},
		"over, and the terminal, too": {[]session.State{session.Opening, session.Ended, session.Idle, session.Unready}, true},
		"out of service":              {[]session.State{session.OutOfService}, true},
		"tested meanwhile":            {[]session.State{session.Unready, session.Idle}, false},
		"in hand":                     {[]session.State{session.Unready, session.Idle, session.Opening}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := NewApplicant(time.Now)
				q := quick{a, c.shows, nil}
				a.At(q)
				a.Show(session.View{State: session.Idle})
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				if _, err := a.Visit(ctx, Wish{Hands: q}); (err == nil) != c.over {
					t.Error(err)
				}
			})
		})
	}
}

// typist counts what it types, which the terminal takes before it shows anything new.
type typist struct {
	quick
	typed int
}

func (h *typist) Type(context.Context, string) error { h.typed++; return nil }

// TestOnePictureOneDeed: what is observed while a picture stands has nobody type the PIN a second time: there would be one try less, or
// a reader that does not ask.
func TestOnePictureOneDeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewApplicant(time.Now)
		h := &typist{quick: quick{a, []session.State{session.AtPad}, nil}}
		a.At(h)
		a.Show(session.View{State: session.Idle})
		go func() {
			synctest.Wait()
			a.Observe(session.Step{Visit: 1, To: session.AtPad})
			synctest.Wait()
			a.Show(session.View{State: session.Idle})
		}()
		if _, err := a.Visit(t.Context(), Wish{Hands: h}); err != nil || h.typed != 1 {
			t.Errorf("typed %d times, %v", h.typed, err)
		}
	})
}
