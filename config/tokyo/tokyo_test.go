package tokyo

import (
	"testing"
	"time"
)

func TestZone(t *testing.T) {
	t.Setenv("ZONEINFO", "/nowhere")
	at := time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC).In(Zone())
	if at.Format("2006-01-02 15:04 MST") != "2026-11-22 00:00 JST" {
		t.Error(at)
	}
}
