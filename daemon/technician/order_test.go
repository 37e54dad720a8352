package technician

import (
	"slices"
	"testing"

	"honnin/spool/journal"
)

// TestDoctorInOrder: what to do stands in the order in which to do it, numbered: what may be the cause of others first.
func TestDoctorInOrder(t *testing.T) {
	r := newRuled(t)
	r.keeps(t, journal.Entry{Kind: journal.StaffNeeded, Reason: "media-jam"}, journal.Entry{Kind: journal.ServiceOff, Staff: "tech-7"})
	order := map[any]int{}
	for i, name := range []string{"disk", "storage", "journal", "policy", "config", "keys", "daemon", "usb", "reader", "printer", "supplies", "centre", "clock", "undelivered", "staff", "incidents", "service-off", "service"} {
		order[name] = i
	}
	var acts []any
	for i, do := range rows(t, r.Machine, "doctor", "doctor.do") {
		if do["step"] != float64(i+1) {
			t.Errorf("%d: %v", i, do)
		}
		acts = append(acts, do["check"])
	}
	if !slices.IsSortedFunc(acts, func(a, b any) int { return order[a] - order[b] }) {
		t.Errorf("%v", acts)
	}
	for _, known := range []string{"daemon", "staff", "service-off", "service"} {
		if !slices.Contains(acts, any(known)) {
			t.Errorf("no %s in %v", known, acts)
		}
	}
}
