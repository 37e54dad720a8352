package main

import (
	"sync/atomic"
	"testing"

	"honnin/config/protocol"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
)

// TestNoPINInTheMachine: where the reader has keys, a whole visit is printed and no command that this terminal sends to the
// card holds a PIN. Beside it a reader without, so that what counts them is known to see one.
func TestNoPINInTheMachine(t *testing.T) {
	for name, keys := range map[string]bool{"keys": true, "none": false} {
		t.Run(name, func(t *testing.T) {
			var commands, pins, asked atomic.Int32
			s := newStand(t, t.TempDir(), func(s *stand, p *terminal.Parts) {
				if keys {
					p.Reader = s.withReaderKeys()
				}
				p.Reader = &tapped{Reader: p.Reader, before: func(command []byte) {
					commands.Add(1)
					if verifies(command) {
						pins.Add(1)
					}
				}}
				see := p.Observe
				p.Observe = func(step session.Step) {
					if step.To == session.EnterPIN || step.To == session.VerifyingPIN {
						asked.Add(1)
					}
					see(step)
				}
			})
			defer s.quit()
			w := s.wish("p04", protocol.ResidentRecord)
			if v := s.visit(w); v.Ending == nil || v.Ending.Outcome != protocol.Printed {
				t.Fatalf("%+v", v)
			}
			want := int32(1)
			if keys {
				want = 0
			}
			if commands.Load() < 5 || pins.Load() != want || asked.Load() != 2*want {
				t.Errorf("%d commands, %d with a PIN, want %d; the screen's keypad in %d states", commands.Load(), pins.Load(), want, asked.Load())
			}
		})
	}
}
