package inspect

import (
	_ "embed"
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// childName is the argv[0] by which a process knows that it is a child.
const childName = "honnind-inspect"

// Exit codes of a child; the parent looks at none but 0.
const (
	exitConfine = 10 + iota
	exitRehearsal
	exitInput
	exitReport
)

const maxStack = 64 << 20

// rehearsal is a document of our own, which a child inspects before it says hello: what a first inspection costs
// (pages of the binary, the heap, tables built on first use) is then paid before anybody waits for it.
//
//go:embed rehearsal.pdf
var rehearsal []byte

// IsChild reports whether this process was started by a [Pool]. main and TestMain ask before anything else.
func IsChild() bool { return len(os.Args) > 0 && os.Args[0] == childName }

// ChildMain confines the process, inspects the one document on standard input, reports on standard output
// and ends the process. It also ends when the parent does: standard input ends then, and a document in work
// ends by the limit on processor time.
func ChildMain() { os.Exit(runChild(os.Args)) }

func runChild(args []string) int {
	runtime.LockOSThread() // where Landlock holds one thread, it is this one
	b, ok := parseBounds(args)
	if !ok || closeInherited() != nil {
		return exitConfine
	}
	debug.SetMaxStack(maxStack)
	debug.SetTraceback("none")
	got, err := confine(b)
	if err != nil {
		return exitConfine
	}
	if f := Document(rehearsal); len(f.Findings) != 0 {
		return exitRehearsal
	}
	std := stdio{}
	if _, err := std.Write(binary.BigEndian.AppendUint16([]byte(helloMagic), uint16(got))); err != nil {
		return exitReport
	}
	pdf, err := receive(std)
	if err != nil {
		return exitInput
	}
	facts := Document(pdf)
	report, err := facts.marshal()
	if err != nil || len(report) > maxReport {
		return exitReport
	}
	if _, err := std.Write(frame(report)); err != nil {
		return exitReport
	}
	_ = unix.Close(1) // the end that the parent waits for; at exit it would come after all memory is unmapped
	return 0
}

// receive reads the length and the document.
func receive(r io.Reader) ([]byte, error) {
	var prefix [4]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(prefix[:])
	if n > maxDocument {
		return nil, io.ErrShortBuffer
	}
	pdf := make([]byte, n)
	_, err := io.ReadFull(r, pdf)
	return pdf, err
}

// stdio reads descriptor 0 and writes descriptor 1 without the runtime's poller, which would want a descriptor
// of its own.
type stdio struct{}

func (stdio) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(0, b)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (stdio) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Write(1, b[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}
