package technician

import (
	"context"
	"strconv"
	"strings"
	"time"

	"honnin/spool/journal"
	"honnin/ui/console"
)

// since is what the journal says happened since a technician was here last.
type since struct {
	visit  time.Time // zero: nobody was
	policy uint64    // in force then
	now    uint64    // and now
	times  map[journal.Kind]int
}

// told are the kinds that are counted.
var told = map[journal.Kind]string{
	journal.Started: "started", journal.VisitBegun: "visits", journal.Incident: "incidents", journal.Closed: "incidents-closed",
	journal.StaffNeeded: "staff-needed", journal.TechnicianRefused: "sign-ins-refused",
}

// sinceLast reads back to the last time somebody was signed in, and on from there to the policy that was in force then. A
// session that is under way began with the newest sign-in, and is not the one before; what was done in it is not counted. A daemon that
// was slow has journalled that sign-in, and the note of it, one right behind the other.
func sinceLast(ctx context.Context, j *journal.Journal, under bool) (s since, err error) {
	s.times = map[journal.Kind]int{}
	own := "" // who signed in, as long as nothing else was read since
	err = j.Back(func(e journal.Entry) (bool, error) {
		again := own != "" && came(e) && e.Staff == own
		if !again {
			own = ""
		}
		switch {
		case again:
		case e.Kind == journal.PolicyApplied && !s.visit.IsZero():
			s.policy = e.Policy.Version
			return false, nil
		case !s.visit.IsZero():
		case came(e) && under:
			under, s.now, own = false, 0, e.Staff
			clear(s.times)
		case e.Kind == journal.TechnicianNoted && (came(e) || strings.HasPrefix(e.Reason, "out.")):
			s.visit = e.Signed.Time
		case e.Kind == journal.TechnicianIn, e.Kind == journal.TechnicianOut:
			s.visit = e.At.Time
		case e.Kind == journal.PolicyApplied && s.now == 0:
			s.now = e.Policy.Version
		default:
			s.times[e.Kind]++
		}
		return true, ctx.Err()
	})
	return s, err
}

// came reports whether somebody signed in.
func came(e journal.Entry) bool {
	return e.Kind == journal.TechnicianIn || e.Kind == journal.TechnicianNoted && strings.HasPrefix(e.Reason, "in.")
}

// changed shows it to who has signed in, with what was found otherwise then, and returns when the visit before was.
func (m *Machine) changed(ctx context.Context, who console.Who, found []finding, a *console.Answer) (time.Time, error) {
	if who.Role == console.Nobody {
		return time.Time{}, nil
	}
	all, looked := m.turned(found)
	if err := turns(a, all, looked); err != nil {
		return time.Time{}, err
	}
	j, err := m.book()
	if err != nil {
		return time.Time{}, nil // the check of the journal says so
	}
	defer j.Close()
	s, err := sinceLast(ctx, j, true)
	if err != nil {
		return time.Time{}, err
	}
	if s.visit.IsZero() {
		return time.Time{}, nil
	}
	if s.now > 0 {
		if err := a.Row("doctor.changed", word("policy"), console.Plain(strconv.FormatUint(s.policy, 10)), console.Plain(strconv.FormatUint(s.now, 10))); err != nil {
			return s.visit, err
		}
	}
	for _, k := range journal.Kinds() {
		if n := s.times[k]; n > 0 && told[k] != "" {
			if err := a.Row("doctor.changed", word(told[k]), console.None(), console.Plain("+"+strconv.Itoa(n))); err != nil {
				return s.visit, err
			}
		}
	}
	return s.visit, nil
}
