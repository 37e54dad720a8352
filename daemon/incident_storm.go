package main

import (
	"fmt"

	"honnin/daemon/terminal"
	"honnin/spool/journal"
)

// gathered notes for how many an incident speaks.
func (n *noticed) gathered(e journal.Entry) { n.Storm = terminal.StormOf(e) }

// spoken has those that another incident speaks for stand where that one stands. at is where each is in all, by position.
func spoken(j *journal.Journal, at map[uint64]int, all []noticed) error {
	by, err := j.Spoken()
	for position, speaker := range by {
		i, is := at[position]
		s, has := at[speaker]
		if !is || !has {
			continue
		}
		n, as := &all[i], all[s]
		n.Under, n.State, n.Stopped = as.ID, as.State, as.Stopped
		n.Delivered, n.Taken, n.Closed, n.Disbelieved, n.Told = as.Delivered, as.Taken, as.Closed, as.Disbelieved, as.Told
	}
	return err
}

// latching notes by which a service is stopped: in a storm, by the one that speaks.
func latching(j *journal.Journal, at map[uint64]int, all []noticed) error {
	held, err := j.Latches()
	for _, l := range held {
		if i, is := at[l.Of]; is {
			all[i].Stopped = true
		}
	}
	return err
}

// times is how often what an incident speaks for happened, where that is more than once.
func (n noticed) times() string {
	if n.Storm.Count < 2 {
		return ""
	}
	return fmt.Sprintf(" ×%d", n.Storm.Count)
}

// storms says for which others an incident speaks, or which speaks for it.
func (n noticed) storms() []string {
	switch {
	case n.Under != "":
		return []string{fmt.Sprintf("one of those that %s speaks for: who closes that one closes this", n.Under)}
	case n.Storm.Count > 1:
		return []string{fmt.Sprintf("it speaks for %d that are alike, the last at %s, entry %d: who closes it closes them", n.Storm.Count, when(n.Storm.Last), n.Storm.Through)}
	}
	return nil
}
