package practice_test

import (
	"testing"
	"time"

	"honnin/config/policy"
	"honnin/daemon/practice"
)

// The documented code is the one that the practice world's policy knows.
func TestStaffOfThePracticeCounter(t *testing.T) {
	p, err := policy.Parse([]byte(start(t, practice.Options{}).Policy()), nil)
	if err != nil {
		t.Fatal(err)
	}
	const at, of = "JP-99-000001", "991015"
	is, known := p.Confirms(practice.StaffID, []byte(practice.StaffCode), at, of, time.Now())
	not, _ := p.Confirms(practice.StaffID, []byte("246811"), at, of, time.Now())
	if !is || known != practice.StaffID || not || !p.Staffed(at, time.Now()) {
		t.Errorf("%v %q, a wrong one %v", is, known, not)
	}
}
