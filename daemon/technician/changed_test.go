package technician

import (
	"testing"

	"honnin/config/protocol"
	"honnin/spool/journal"
)

// TestDoctorTellsWhatChanged: the policy that was in force when a technician was here last and the one that is now, and how often
// what happened since; nothing of it twice, and nothing of before.
func TestDoctorTellsWhatChanged(t *testing.T) {
	r := newRuled(t)
	applied := func(v uint64) journal.Entry {
		return journal.Entry{Kind: journal.PolicyApplied, Policy: protocol.PolicyRef{Version: v, Digest: protocol.Digest{byte(v)}}}
	}
	r.keeps(t, applied(1), journal.Entry{Kind: journal.Started}, journal.Entry{Kind: journal.TechnicianIn, Staff: "tech-7"}, journal.Entry{Kind: journal.TechnicianOut, Staff: "tech-7"},
		journal.Entry{Kind: journal.Started}, applied(3), journal.Entry{Kind: journal.Started}, journal.Entry{Kind: journal.StaffNeeded, Reason: "media-jam"},
		journal.Entry{Kind: journal.TechnicianIn, Staff: "tech-8"})
	told := map[any][2]any{}
	all := rows(t, r.Machine, "doctor", "doctor.changed")
	for _, c := range all {
		told[c["what"]] = [2]any{c["was"], c["is"]}
	}
	if len(all) != 3 || told["policy"] != [2]any{"1", "3"} || told["started"] != [2]any{nil, "+2"} || told["staff-needed"] != [2]any{nil, "+1"} {
		t.Errorf("%v", all)
	}
}
