package console

import (
	"strings"
	"testing"
	"time"
)

// TestClockIsSet: whoever sets the terminal's clock, by whatever much, keeps nobody signed in, makes no old challenge good, and locks
// nobody out for longer than a minute.
func TestClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{-365 * 24 * time.Hour, -time.Hour, time.Hour, 365 * 24 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.login("service")
				r.ahead.Add(int64(by))
				if s := r.send("status\r") + r.pass(defaultIdle); !strings.Contains(s, "! idle: ") || r.seated != "" {
					t.Errorf("%q, the seat is %q's", s, r.seated)
				}
				sig := armour(r, r.key, Namespace, signedLines(r, r.send("login\r")))
				r.ahead.Add(int64(by))
				r.send(sig)
				if s := r.pass(time.Second); !strings.Contains(s, "! too-late: ") {
					t.Errorf("%q", s)
				}
				r.ahead.Add(int64(by))
				r.send("login\r")
				r.send("\x03")
				r.pass(longestWait)
				r.login("look")
			})
		})
	}
}
