package inspect

import (
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// badChild is the argv[0] of a child that misbehaves in the way its next argument says.
const badChild = "honnind-inspect-test"

// misbehaviours before and after the child has its document.
var (
	afterDocument = map[string]func(){
		"dies":                   func() { os.Exit(0) },
		"dies with an error":     func() { os.Exit(3) },
		"panics":                 func() { panic("the document says: secret") },
		"is killed":              func() { _ = unix.Kill(os.Getpid(), unix.SIGKILL) },
		"reports nothing":        func() { say(binary.BigEndian.AppendUint32(nil, 0)); os.Exit(0) },
		"reports half a length":  func() { say([]byte{0, 0}); os.Exit(0) },
		"reports less than said": func() { say(frame(report(nil))[:20]); os.Exit(0) },
		"reports too much":       func() { say(binary.BigEndian.AppendUint32(nil, maxReport+1)); flood() },
		"reports 4 GB":           func() { say([]byte{0xFF, 0xFF, 0xFF, 0xFF}); flood() },
		"reports more than said": func() { say(append(frame(report(nil)), 0)); os.Exit(0) },
		"reports -2 GB":          func() { say([]byte{0x80, 0, 0, 0}); os.Exit(0) },
		"closes and stays":       func() { _ = unix.Close(1); forever() },
		"floods standard error":  func() { cry(64 << 20); os.Exit(0) },
		"reports twice":          func() { say(frame(report(nil))); say(frame(report(nil))); os.Exit(0) },
		"floods":                 flood,
		"talks nonsense":         func() { say(frame([]byte("everything is all right"))); os.Exit(0) },
		"says nothing is wrong":  func() { say(frame(emptyReport)); os.Exit(0) },
		"invents a code":         func() { say(frame(report(func(f *Facts) { f.Findings = []Finding{{"good", ""}} }))); os.Exit(0) },
		"counts other pages":     func() { say(frame(report(func(f *Facts) { f.PageCount = 5 }))); os.Exit(0) },
	}
	hanging = map[string]func(){
		"hangs":               forever,
		"reports and stays":   func() { say(frame(report(nil))); forever() },
		"stops in the middle": func() { say(frame(report(nil))[:20]); forever() },
		"cries and hangs":     func() { cry(64 << 20); forever() },
		"drips": func() {
			say([]byte{0, 0, 0xFF, 0xFF})
			for {
				say([]byte{0})
				_, _ = unix.Poll(nil, 10)
			}
		},
	}
	unreading = map[string]func(){
		"never reads":           forever,
		"has no filter":         forever,
		"floods unread":         flood,
		"reports unread":        func() { say(frame(report(nil))); os.Exit(0) },
		"dies unread":           func() { os.Exit(0) },
		"closes and never ends": func() { _ = unix.Close(0); _ = unix.Close(1); forever() },
	}
	silent = map[string]func(){
		"dies at once":       func() { os.Exit(0) },
		"says another hello": func() { say([]byte("HELLO!")); forever() },
		"says half a hello":  func() { say([]byte("HN")); os.Exit(0) },
	}
	emptyReport = []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
)

// misbehave is the main of a bad child. A test that went wrong must not leave it behind, so it ends with its
// parent's pipe or by an alarm, whichever is first.
func misbehave(how string) {
	time.AfterFunc(time.Minute, func() { os.Exit(9) })
	if f, ok := silent[how]; ok {
		f()
	}
	claims := Seccomp // as a child must that is to have a filter
	if how == "has no filter" {
		claims = 0
	}
	say(binary.BigEndian.AppendUint16([]byte(helloMagic), uint16(claims)))
	if f, ok := unreading[how]; ok {
		f()
	}
	if _, err := receive(stdio{}); err != nil {
		os.Exit(0)
	}
	if f, ok := hanging[how]; ok {
		f()
	}
	if f, ok := afterDocument[how]; ok {
		f()
	}
	if layer, ok := layers[how]; ok {
		lookAround(layer.confine)
		os.Exit(0)
	}
	limited[how]()
	os.Exit(0)
}

// limited break a limit of the confinement that is set first.
var limited = map[string]func(){
	"eats memory": func() {
		confineOrDie()
		var all [][]byte
		for range 4096 {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			all = append(all, b)
		}
		runtime.KeepAlive(all)
		say(frame(report(nil)))
	},
	"spins": func() {
		confineOrDie()
		for x := uint64(1); x != 0; x += 2 {
		}
	},
	"looks around":           func() { lookAround(confineOrDie) },
	"looks around, isolated": func() { lookAround(confineOrDie) },
}

func confineOrDie() Confinement {
	b, ok := parseBounds(os.Args)
	if !ok {
		os.Exit(8)
	}
	got, err := confine(b)
	if err != nil {
		os.Exit(7)
	}
	return got
}

func say(b []byte) {
	if _, err := (stdio{}).Write(b); err != nil {
		os.Exit(0)
	}
}

// cry writes n bytes to standard error, which nobody reads.
func cry(n int) {
	for b := make([]byte, 1<<16); n > 0; n -= len(b) {
		_, _ = unix.Write(2, b)
	}
}

func flood() {
	for {
		say(make([]byte, 1<<16))
	}
}

// forever blocks until the parent is gone or the alarm goes off.
func forever() {
	for {
		if _, err := io.Copy(io.Discard, stdio{}); err != nil || os.Getppid() == 1 {
			os.Exit(0)
		}
		_, _ = unix.Poll(nil, 50)
	}
}

// report is a good report, changed.
func report(change func(*Facts)) []byte {
	f := Facts{PageCount: 1, Tags: []Tag{{Page: 1, Pages: 1}}, Statement: []byte("{}")}
	if change != nil {
		change(&f)
	}
	b, err := f.marshal()
	if err != nil {
		os.Exit(6)
	}
	return b
}
