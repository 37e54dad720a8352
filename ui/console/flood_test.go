package console

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFloodElsewhere: a flood is in flat memory, too, where no command is typed: instead of a signature, in the middle of one and
// behind it, at a question, and while a command runs. Then all is well, and nothing was done.
func TestFloodElsewhere(t *testing.T) {
	paste := func(then string) func(*rig) {
		return func(r *rig) { r.send("login service\r"); r.send(armourBegin + "\r" + then) }
	}
	signed := func(command string) func(*rig) {
		return func(r *rig) { r.login("service"); r.send(command) }
	}
	for where, begin := range map[string]func(*rig){
		"instead of a signature": func(r *rig) { r.send("login service\r") },
		"in a signature":         paste(""),
		"behind a signature":     paste(armourEnd + "\r"),
		"at a question":          signed("reboot\r"),
		"while a command runs":   signed("selftest\r"),
	} {
		for what, of := range map[string]string{"a line": "abcd", "lines": "abcdefg\r", "empty lines": "\r\n", "zeros": "\x00", "noise": "\xff\xfe", "sequences": "\x1b[1;"} {
			t.Run(where+"/"+what, func(t *testing.T) {
				bubbleWith(t, &world{do: waits}, func(r *rig) {
					begin(r)
					before, began, answer := heap(), time.Now(), ""
					for range 64 {
						if answer += r.send(strings.Repeat(of, 64<<10/len(of))); len(answer) > 8<<10 {
							r.Fatalf("%d bytes of answer", len(answer))
						}
					}
					if held := time.Since(began); held > 0 {
						r.Error("not read for", held)
					}
					if grown := heap() - before; grown > 1<<20 {
						r.Errorf("%d bytes more", grown)
					}
					r.pass(time.Second)
					r.send("\x03")
					r.pass(time.Second)
					r.world.mu.Lock()
					r.world.do = nil
					r.world.mu.Unlock()
					if s := r.send("\r\rversion\r") + r.pass(time.Second); !strings.HasSuffix(s, "> ") {
						r.Errorf("%q", s)
					}
					did, _ := r.has()
					if n := len(did); n == 0 || !strings.HasSuffix(did[n-1], " version") || slices.Contains(did, "service reboot") || n > 2 {
						r.Errorf("%q", did)
					}
				})
			})
		}
	}
}

// heap is how much of it is in use, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
