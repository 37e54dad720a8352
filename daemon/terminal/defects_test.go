package terminal

import (
	"testing"
	"time"

	"honnin/config/reason"
	"honnin/spool/journal"
)

// TestDefectsOverAWrongClock: a start at which the clock was years behind does not make what was refused before it count no more.
func TestDefectsOverAWrongClock(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	m.refuse(t, ls, city, reason.PDFFont)
	m.refuse(t, ls, city, reason.PDFFont)
	right := m.now
	m.now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	m.restart(t)
	if err := m.l.record(journal.Entry{Kind: journal.Started}); err != nil {
		t.Fatal(err)
	}
	m.now = right.Add(time.Minute)
	ls = m.latches(t)
	m.refuse(t, ls, city, reason.PDFFont)
	m.stands(t, ls, "three in an hour", false, city)
}

// TestAnothersStormCountsForNobody: defects that a person has closed do not count because a storm of another kind began before them
// and ended after.
func TestAnothersStormCountsForNobody(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	first := m.refuse(t, ls, town, reason.PackageMalformed)
	closed := []uint64{m.refuse(t, ls, city, reason.PDFFont), m.refuse(t, ls, city, reason.PDFPages)}
	m.refuse(t, ls, town, reason.PackageMalformed)
	m.gather(t, first)
	for _, of := range closed {
		m.close(t, of)
	}
	m.refuse(t, ls, city, reason.PDFFont)
	ls = m.stands(t, ls, "two closed, and one", false)
	m.refuse(t, ls, town, reason.PDFFont)
	m.stands(t, ls, "two of a storm, and one", false, town)
}

// TestAStormOfYesterday counts no more, whoever speaks for whom.
func TestAStormOfYesterday(t *testing.T) {
	m := newMemory(t)
	ls := m.latches(t)
	first := m.refuse(t, ls, city, reason.PackageMalformed)
	m.refuse(t, ls, city, reason.PackageMalformed)
	m.gather(t, first)
	m.now = m.now.Add(24 * time.Hour)
	m.refuse(t, ls, city, reason.PDFFont)
	m.stands(t, ls, "yesterday's storm, and one", false)
}

// gather makes what is alike one event.
func (m *memory) gather(t *testing.T, first uint64) {
	t.Helper()
	if _, gathered, err := m.j.Gather(first, nil); err != nil || !gathered {
		t.Fatal(gathered, err)
	}
}
