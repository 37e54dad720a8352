package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// nobody is a terminal that staff never reach.
type nobody struct{}

func (nobody) StaffReady(context.Context, string) error { return nil }
func (nobody) Reopen(string) error                      { return nil }

func TestASocketsPathIsBounded(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath))
	if err := listenStaff(t.Context(), long, nobody{}); err == nil || !strings.Contains(err.Error(), "shorter state directory") {
		t.Errorf("%v", err)
	}
}

func TestWordsOfStaff(t *testing.T) {
	for line, want := range map[string]string{
		"ready s-007": "", "reopen s-007": "",
		"ready": "an id", "ready Taro Yamada": "an id", "dance s-007": "is not ready or reopen", "": "an id",
	} {
		err := hear(t.Context(), line, nobody{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
