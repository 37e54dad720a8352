package main

import (
	"fmt"
	"strings"

	"honnin/config/protocol"
	"honnin/config/tokyo"
	"honnin/spool/journal"
)

// sentence is an entry as a technician reads it: when (in Tokyo), which visit, what.
func sentence(e journal.Entry) string {
	who := ""
	if e.Visit > 0 {
		who = fmt.Sprintf("visit %d: ", e.Visit)
	}
	return fmt.Sprintf("%s %6d  %s%s", e.At.In(tokyo.Zone()).Format("2006-01-02 15:04:05"), e.Seq, who, words(e))
}

func words(e journal.Entry) string {
	switch e.Kind {
	case journal.Started:
		return "the terminal started"
	case journal.VisitBegun:
		return "a card lies on the reader, the visit begins"
	case journal.VisitEnded:
		return "the visit is over"
	case journal.Held, journal.Kept, journal.Returned:
		return money(e)
	case journal.Accepted:
		return fmt.Sprintf("transaction %s: the document %s passed the check; %s to print", e.Transaction, brief(e), sides(e.Of))
	case journal.Sending:
		return fmt.Sprintf("about to send the document %s to the printer: %s", brief(e), sides(e.Of))
	case journal.Handed:
		return fmt.Sprintf("the printer has the whole document %s, as its job %s", brief(e), e.Job)
	case journal.Out:
		return fmt.Sprintf("every sheet of the document %s is out, and waits for a member of staff to confirm the name", brief(e))
	case journal.WrongCode:
		return "a wrong personal code was typed" + by(e)
	case journal.Ended:
		return ended(e)
	case journal.Incident:
		return "incident: " + because(e, e.Reason) + atTheCentre(e)
	case journal.Latched:
		return fmt.Sprintf("%s on this terminal until incident %d is closed: %s", stopped(e.Municipality), e.Of, e.Reason)
	case journal.StaffNeeded:
		return "closed until staff have looked: " + e.Reason
	case journal.StaffReady:
		return fmt.Sprintf("staff %s: tray and paper path are empty, all is well", e.Staff)
	case journal.Gathered:
		return fmt.Sprintf("incident %d speaks for %d that are alike, up to %d", e.Of, e.Storm.Count, e.Storm.Through)
	case journal.Delivered:
		return fmt.Sprintf("the centre has entry %d", e.Of)
	case journal.Undelivered:
		return fmt.Sprintf("the centre will never take entry %d: %s", e.Of, e.Reason)
	case journal.Acknowledged:
		return fmt.Sprintf("%s acknowledged incident %d, signed %s", e.Staff, e.Of, e.Signed.In(tokyo.Zone()).Format("2006-01-02 15:04:05"))
	case journal.Closed:
		return fmt.Sprintf("%s closed incident %d, signed %s; the cause is in the signed state %s", e.Staff, e.Of, e.Signed.In(tokyo.Zone()).Format("2006-01-02 15:04:05"), e.Proof.String()[:16])
	case journal.Escalated:
		return escalated(e) + atTheCentre(e)
	case journal.Disbelieved:
		return fmt.Sprintf("what the centre gave for incident %d was not believed: %s", e.Of, e.Reason)
	case journal.Late:
		return fmt.Sprintf("late, and destroyed: %s of transaction %s", e.Reason, e.Transaction)
	case journal.SelfTest:
		return "the self-test " + because(e, e.Reason)
	case journal.TechnicianIn:
		return fmt.Sprintf("technician %s signed in at the console: %s", e.Staff, e.Reason)
	case journal.TechnicianRefused:
		return "a sign-in at the console was refused: " + e.Reason
	case journal.TechnicianDid:
		return fmt.Sprintf("technician %s: %s", e.Staff, strings.ReplaceAll(e.Reason, ".", " "))
	case journal.TechnicianOut:
		return fmt.Sprintf("technician %s is signed out: %s", e.Staff, e.Reason)
	case journal.TechnicianNoted:
		return fmt.Sprintf("technician %s, while the daemon hung, at %s: %s", e.Staff, e.Signed.In(tokyo.Zone()).Format("2006-01-02 15:04:05"), strings.ReplaceAll(e.Reason, ".", " "))
	case journal.ServiceOff:
		return fmt.Sprintf("technician %s stopped the service", e.Staff)
	case journal.ServiceOn:
		return fmt.Sprintf("technician %s ended the stop of the service", e.Staff)
	case journal.TestVisitBegun:
		return fmt.Sprintf("technician %s has the devices for a test visit", e.Staff)
	case journal.TestVisitDone:
		return "the test visit is over: " + e.Reason
	case journal.SheetBegun:
		return fmt.Sprintf("about to print the service sheet %s for technician %s", brief(e), e.Staff)
	case journal.SheetDone:
		return fmt.Sprintf("the service sheet %s: %s", brief(e), because(e, strings.TrimSuffix(string(e.Outcome)+", "+e.Reason, ", ")))
	case journal.PolicyApplied:
		return fmt.Sprintf("version %d of the policy is in force, %s", e.Policy.Version, e.Policy.Digest.String()[:16])
	case journal.PolicyLeast:
		return fmt.Sprintf("the centre wants no visit below version %d of the policy", e.Least)
	}
	return ""
}

func stopped(m protocol.Municipality) string {
	if m == "" {
		return "every service is stopped"
	}
	return "the service of " + string(m) + " is stopped"
}

func money(e journal.Entry) string {
	what := map[journal.Kind]string{journal.Held: "held for", journal.Kept: "kept for", journal.Returned: "given back for"}[e.Kind]
	return fmt.Sprintf("%d yen %s transaction %s", e.Yen, what, e.Transaction)
}

// ended says how a transaction ended. Nothing is said of paper that was never sent for.
func ended(e journal.Entry) string {
	s := fmt.Sprintf("transaction %s ended: %s", e.Transaction, because(e, strings.TrimSuffix(string(e.Outcome)+", "+e.Reason, ", ")))
	if e.Of > 0 {
		s += fmt.Sprintf("; %d of %s known to be out", e.Impressions, sides(e.Of))
	}
	if e.Job != "" {
		s += ", the printer's job " + e.Job
	}
	if e.Evidence != "" {
		s += ", evidence: " + e.Evidence
	}
	if e.Staff != "" && e.Outcome == protocol.Printed {
		s += ", the name confirmed" + by(e)
	}
	if e.Staff != "" && e.Outcome != protocol.Printed {
		s += ", the name compared" + by(e)
	}
	return s
}

// by says in whose name something was done.
func by(e journal.Entry) string {
	if e.Staff == "" {
		return ""
	}
	return " by staff " + e.Staff
}

// because adds what else was seen, and where.
func because(e journal.Entry, s string) string {
	if len(e.Also) > 0 {
		also := make([]string, len(e.Also))
		for i, c := range e.Also {
			also[i] = string(c)
		}
		s += " (also " + strings.Join(also, ", ") + ")"
	}
	if e.Where != "" {
		s += " at " + e.Where
	}
	return s
}

// atTheCentre says what the centre calls an incident, but for the terminal's name before it.
func atTheCentre(e journal.Entry) string {
	head, err := e.Head()
	if err != nil {
		return ""
	}
	return ", at the centre …" + string(protocol.NameIncident("", head))
}

// brief is a document by the beginning of its digest.
func brief(e journal.Entry) string { return e.Document.String()[:12] }

func sides(n int) string {
	if n == 1 {
		return "1 impression"
	}
	return fmt.Sprintf("%d impressions", n)
}

// escalated says whom an incident is to be told, since nobody has acknowledged it.
func escalated(e journal.Entry) string {
	switch {
	case e.Reason != "" && e.Contact != "":
		return fmt.Sprintf("nobody acknowledged incident %d in time: %s is told (step %d)", e.Of, e.Contact, e.Step)
	case e.Reason != "":
		return fmt.Sprintf("nobody acknowledged incident %d in time, and the policy names nobody to tell (step %d)", e.Of, e.Step)
	}
	return fmt.Sprintf("incident %d: %s is told (step %d)", e.Of, e.Contact, e.Step)
}
