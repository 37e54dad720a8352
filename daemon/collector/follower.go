package collector

import (
	"context"

	"honnin/config/protocol"
	"honnin/spool/incident/storm"
	"honnin/spool/journal"
)

const most = 256 // messages in a delivery

// follower tells one collector.
type follower struct {
	Options
	id    string
	link  link
	place place
	tell  func(State)

	at   protocol.JournalHead // the last entry that it needs to hear nothing of any more
	owed bool                 // the place that is kept is behind a delivery
	size int                  // messages in the next delivery
	said string               // what is wrong
}

func (f *follower) run(ctx context.Context) {
	failures := 0
	f.begin()
	for {
		more, err := f.step(ctx)
		if ctx.Err() != nil {
			return
		}
		f.say(err)
		wait := f.Look
		if err == nil {
			failures = 0
		} else {
			failures++
			wait = f.backOff(failures)
		}
		if (!more || err != nil) && !pause(ctx, wait) {
			return
		}
	}
}

// begin goes on where the last run was, if this journal holds that.
func (f *follower) begin() {
	f.at = f.place.load()
	if held, err := f.Journal.Holds(f.at); f.at.Position > 0 && (err != nil || !held) {
		f.at = protocol.JournalHead{}
		f.Log.WithField("collector", f.id).Warn("this journal does not hold the entry up to which the collector was told: all is told again")
	}
}

// step makes one delivery, and reports whether there may be more.
func (f *follower) step(ctx context.Context) (more bool, err error) {
	if f.owed {
		return true, f.keep()
	}
	told, end, err := f.gather(ctx)
	if err != nil {
		return false, err
	}
	if len(told) == 0 {
		f.at = end // not worth a file: it costs a look
		return false, nil
	}
	messages, err := f.write(told)
	if err != nil {
		return false, err
	}
	if err := f.link.send(ctx, messages); err != nil {
		f.size = max(1, len(messages)/2)
		return false, err
	}
	f.at, f.size, f.owed = end, min(most, 2*f.size), true
	return true, f.keep()
}

// keep does not have a delivery made again because of a disk: only a restart would.
func (f *follower) keep() error {
	err := f.place.save(f.at)
	f.owed = err != nil
	return err
}

// gather reads the incidents of the next delivery, and up to where it goes.
func (f *follower) gather(ctx context.Context) (told []storm.Alike[journal.Entry], end protocol.JournalHead, err error) {
	s := storm.New[kind, journal.Entry](f.size)
	last := journal.Entry{Seq: f.at.Position}
	err = f.Journal.After(last.Seq, func(e journal.Entry) (more bool, err error) {
		if (e.Kind == journal.Incident || e.Kind == journal.Escalated) && !s.Add(f.kindOf(e), e) {
			return false, nil
		}
		last = e
		return true, ctx.Err()
	})
	if err != nil {
		return nil, f.at, err
	}
	if last.Seq == f.at.Position {
		return nil, f.at, nil
	}
	end, err = last.Head()
	return s.All(), end, err
}

func (f *follower) write(told []storm.Alike[journal.Entry]) (out [][]byte, err error) {
	for _, a := range told {
		m, err := f.message(a)
		if err != nil {
			return nil, err
		}
		out = append(out, m.append(nil))
	}
	return out, nil
}

// told is an error in our words.
type told struct {
	error
	words string
}

func (t told) Error() string { return t.words }
func (t told) Unwrap() error { return t.error }

// say tells the log what is wrong, each time something else is, and the metrics.
func (f *follower) say(err error) {
	f.tell(State{ID: f.id, Position: f.at.Position, Failing: err != nil})
	now := ""
	if err != nil {
		now = why(err)
	}
	log := f.Log.WithField("collector", f.id)
	switch {
	case now == f.said:
	case now != "":
		log.WithField("why", told{err, now}).Warn("a collector of incidents is not told")
	default:
		log.Info("the collector of incidents is told again")
	}
	f.said = now
}
