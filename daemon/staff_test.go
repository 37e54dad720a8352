package main

import (
	"context"
	"strings"
	"testing"
)

// nobody is a terminal that staff never reach.
type nobody struct{}

func (nobody) StaffReady(context.Context, string) error { return nil }
func (nobody) Warning() string                          { return "the policy expires in 3 days" }

// TestStaffAreWarned: whatever staff say to a terminal, they hear that its policy ends soon.
func TestStaffAreWarned(t *testing.T) {
	dir := socketDir(t)
	if err := listenStaff(t.Context(), dir, nobody{}); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if err := tell(dir, "ready s-007", &said); err != nil || !strings.Contains(said.String(), "3 days") {
		t.Errorf("%v, %q", err, said.String())
	}
	if err := tell(dir, "dance s-007", &said); err == nil || !strings.Contains(err.Error(), "is not ready") {
		t.Error(err)
	}
}

func TestWordsOfStaff(t *testing.T) {
	for line, want := range map[string]string{
		"ready s-007": "", "reopen s-007": "honnind incident list",
		"ready": "an id", "ready Taro Yamada": "an id", "dance s-007": "is not ready", "": "an id",
	} {
		err := hear(t.Context(), line, nobody{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
