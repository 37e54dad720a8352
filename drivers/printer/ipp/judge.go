package ipp

import (
	"slices"

	"honnin/config/protocol"
	"honnin/drivers/printer"
	"honnin/spool"
)

// jobState is a value of job-state (RFC 8011 section 5.3.7).
type jobState int

const (
	jobPending    jobState = 3
	jobHeld       jobState = 4
	jobProcessing jobState = 5
	jobStopped    jobState = 6
	jobCanceled   jobState = 7
	jobAborted    jobState = 8
	jobCompleted  jobState = 9
)

func (s jobState) ended() bool { return s >= jobCanceled }

// story is all that is known of one document once its upload was begun.
type story struct {
	want    int    // impressions: pages × copies
	sent    bool   // a byte of the document was handed to the connection
	trouble string // the first word for what went wrong: a cut upload, a jam, the deadline, …; "" while all is well

	ended   bool     // the job was seen in one of its three last states
	state   jobState // that state
	reasons []string // its job-state-reasons then

	completed count // the most impressions that the device counted
	counts    bool  // the device counts: it named this job's total, or counted an earlier job to its end
	processed bool  // the job was seen being processed
	unbegun   bool  // the device says that it never began to process the job
}

// note adds what one answer of the device says of the job.
func (s *story) note(f facts) {
	s.state, s.reasons, s.ended = f.state, f.reasons, f.state.ended()
	if f.completed.known && (!s.completed.known || f.completed.n > s.completed.n) {
		s.completed = f.completed
	}
	s.counts = s.counts || f.total.known && f.total.n > 0
	s.processed = s.processed || f.state == jobProcessing || f.state == jobStopped
	s.unbegun = f.unbegun
}

func (s *story) blame(word string) {
	if s.trouble == "" {
		s.trouble = word
	}
}

// noPaper reports whether it is known that no paper moved for a job that has ended.
func (s *story) noPaper() bool {
	if s.completed.n != 0 || s.state == jobCompleted {
		return false
	}
	return s.unbegun && !s.processed || s.completed.known && s.counts
}

// judge says what may be claimed. The package comment shows it as a table.
func (s *story) judge(id string) spool.Result {
	result := func(o protocol.Outcome, why string) spool.Result {
		return spool.Result{Outcome: o, Impressions: max(s.completed.n, 0), Reason: why, JobID: id, Evidence: s.evidence(o)}
	}
	switch {
	case !s.sent:
		return spool.Result{Outcome: protocol.Failed, Reason: s.why(), JobID: id, Evidence: spool.NotSent}
	case !s.ended:
		return result(protocol.Unsure, s.why())
	case s.noPaper():
		return result(protocol.Failed, s.why())
	case s.state != jobCompleted || s.trouble != "":
		return result(protocol.Unsure, s.why())
	case slices.Contains(s.reasons, "job-completed-with-errors"):
		return result(protocol.Unsure, "completed-with-errors")
	case !s.completed.known:
		return result(protocol.Unsure, "impressions-unknown")
	case s.completed.n < s.want:
		return result(protocol.Unsure, "impressions-short")
	case s.completed.n > s.want:
		return result(protocol.Unsure, "impressions-over")
	}
	return result(protocol.Printed, "")
}

// evidence names what an outcome rests on.
func (s *story) evidence(o protocol.Outcome) string {
	switch {
	case o == protocol.Unsure:
		return spool.NoEvidence
	case o == protocol.Failed && !(s.completed.known && s.counts):
		return spool.NeverProcessed
	}
	return spool.JobCounters
}

func (s *story) why() string {
	switch {
	case s.trouble != "":
		return s.trouble
	case s.state == jobAborted:
		return "aborted"
	case s.state == jobCanceled:
		return printer.Canceled
	}
	return printer.Unreachable
}
