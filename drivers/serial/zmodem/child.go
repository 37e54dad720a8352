package zmodem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nobody is Debian's user and group of that name.
const nobody = 65534

// ownForm is the form of a child's directory's name.
const ownForm = "honnin-line-*"

// child is one run of rz or sz, and the directory it runs in.
type child struct {
	line Line
	dir  string
	lock *os.File      // held while the directory is used
	uid  int           // the child's; -1: ours
	over chan struct{} // closed when rz has said ZFIN; nil: sz
	rz   sought        // whether one began to take the file of sz
	said clipped

	begun func() // when one did
}

// newChild makes a directory, and removes those that nobody uses any more.
func newChild(line Line, parent string) (c *child, err error) {
	if parent == "" {
		parent = os.TempDir()
	}
	sweep(parent)
	c = &child{line: line, uid: -1, rz: sought{what: zrpos}, begun: func() {}}
	for range 3 { // another's sweep may take one that is not locked yet
		if c.dir, err = os.MkdirTemp(parent, ownForm); err != nil {
			break
		}
		if c.lock, err = locked(c.dir); err == nil {
			break
		}
		_ = os.Remove(c.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("zmodem: %w", err)
	}
	return c, nil
}

// put lays a file into the directory, which is still ours alone: whoever else is nobody has had no time for a link.
func (c *child) put(f File) error {
	file, err := os.OpenFile(filepath.Join(c.dir, f.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o644)
	if err == nil {
		_, err = file.Write(f.Content)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("zmodem: %w", err)
	}
	return nil
}

// give makes the directory nobody's where we are root. A root that cannot, as one of a user namespace without nobody, runs nothing.
func (c *child) give() error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := c.lock.Chown(nobody, nobody); err != nil {
		return fmt.Errorf("zmodem: %w", err)
	}
	c.uid = nobody
	return nil
}

// locked opens a directory that nobody uses.
func locked(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), dir)
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sweep removes what earlier calls left that did not end.
func sweep(parent string) {
	old, _ := filepath.Glob(filepath.Join(parent, ownForm))
	for _, dir := range old {
		if f, err := locked(dir); err == nil {
			_ = os.RemoveAll(dir)
			_ = f.Close()
		}
	}
}

func (c *child) remove() error {
	if err := errors.Join(os.RemoveAll(c.dir), c.lock.Close()); err != nil {
		return fmt.Errorf("zmodem: %w", err)
	}
	return nil
}

// gaveUp is the status with which rz and sz of lrzsz 0.12.21 end where nobody is at the other end: rz after 161 s, sz after 30 s.
// They end so for other reasons, too.
const gaveUp = 128

// again is the pause before a program that gave up is started anew.
const again = 500 * time.Millisecond

// patient is run, again and again while the program gives up on nobody.
func (c *child) patient(ctx context.Context, cancel context.CancelCauseFunc, nobody func() bool, most int64, program string, args ...string) error {
	for {
		err := c.run(ctx, cancel, most, program, args...)
		if status := (*exec.ExitError)(nil); !errors.As(err, &status) || status.ExitCode() != gaveUp || !nobody() {
			return err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return err
		}
	}
}

// run runs a program between its pipes and the line, until it ends or ctx does. cancel gets why the line ended it. most is the
// largest file.
func (c *child) run(ctx context.Context, cancel context.CancelCauseFunc, most int64, program string, args ...string) error {
	argv, err := bounded(most, program)
	if err != nil {
		cancel(ErrProgram)
		return ErrProgram
	}
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:], args...)...)
	c.said = clipped{}
	cmd.Dir, cmd.Env, cmd.Stderr = c.dir, []string{"LC_ALL=C"}, &c.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if c.uid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(c.uid), Gid: uint32(c.uid)}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("zmodem: %w", err)
	}
	reading, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() { defer in.Close(); c.inward(reading, cancel, in, budget(most)) })
	others.Go(func() { c.farewell(reading, in) })
	c.outward(ctx, cancel, out)
	stop()
	err = cmd.Wait() // in is closed by it, too
	others.Wait()
	return err
}

// budget is how many bytes a transfer may take on the line: each of the file's may take two (ZMODEM escapes), and be
// sent again.
func budget(most int64) int64 { return 4*most + 1<<20 }

// bounded begins the command line of a program that bounds itself before it starts, with util-linux: root without CAP_SYS_RESOURCE, as
// in a container, cannot do it for another user. A file one byte too large tells that it was too large.
func bounded(most int64, program string) (argv []string, err error) {
	var path [3]string
	for i, p := range []string{"setpriv", "prlimit", program} {
		if path[i], err = exec.LookPath(p); err != nil {
			return nil, err
		}
	}
	return []string{path[0], "--no-new-privs", "--", path[1], fmt.Sprintf("--fsize=%d", most+1), "--nofile=16", "--nproc=0", "--core=0",
		"--cpu=600", fmt.Sprintf("--as=%d", 64<<20), "--", path[2]}, nil
}

// inward copies from the line to the child. When the child has said ZFIN, only what answers that still concerns it.
func (c *child) inward(ctx context.Context, cancel context.CancelCauseFunc, to io.Writer, left int64) {
	var last []byte
	for b := make([]byte, 4096); ; {
		n, err := c.line.ReadContext(ctx, b)
		switch left -= int64(n); {
		case ctx.Err() != nil:
			return
		case err != nil:
			cancel(cut(err))
			return
		case left < 0:
			cancel(ErrTooLarge)
			return
		}
		if c.rz.in(b[:n]) {
			c.begun()
		}
		if !c.isOver() {
			last = append(last[:0], b[:n]...)
		} else if last = append(last, b[:n]...); !bytes.Contains(last, lastWord) && !bytes.Contains(last, zfin) {
			last = last[max(0, len(last)-len(zfin)):]
			continue
		}
		if _, err := to.Write(last); err != nil {
			return // it has ended
		}
		last = last[:0]
	}
}

func (c *child) isOver() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// outward copies from the child to the line, until the child closes its end.
func (c *child) outward(ctx context.Context, cancel context.CancelCauseFunc, from io.Reader) {
	end := sought{what: zfin}
	for b := make([]byte, 4096); ; {
		n, err := from.Read(b)
		if end.in(b[:n]) && c.over != nil && !c.isOver() {
			close(c.over)
		}
		if n > 0 {
			if _, err := c.line.WriteContext(ctx, b[:n]); err != nil && ctx.Err() == nil {
				cancel(cut(err))
			}
		}
		if err != nil {
			return
		}
	}
}

// How a session ends ("ZMODEM Inter Application File Transfer Protocol", sections 8.3 and 11.8): both say ZFIN, here the hex header without
// its end, and the sender says "OO". grace is how long that may take.
var zfin, lastWord = []byte("**\x18B0800000000022d"), []byte("OO")

const grace = time.Second

// zrpos is how a receiver asks for a file that is offered (frame type ZRPOS of the same document): the beginning of the hex header.
var zrpos = []byte("**\x18B09")

// sought looks for something in what comes in pieces.
type sought struct {
	what, tail []byte
	found      bool
}

// in reports whether it is in b, with what came before.
func (s *sought) in(b []byte) bool {
	s.tail = append(s.tail, b...)
	s.found = s.found || bytes.Contains(s.tail, s.what)
	s.tail = append(s.tail[:0], s.tail[max(0, len(s.tail)-len(s.what)):]...)
	return s.found
}

// farewell says the sender's last word where that does not come: sz throws away what is not sent yet when it ends, at a
// pseudoterminal its own last word as well. rz would wait 30 s for it, and answer whoever speaks next.
func (c *child) farewell(ctx context.Context, to io.Writer) {
	select {
	case <-c.over:
	case <-ctx.Done():
		return
	}
	select {
	case <-time.After(grace):
		_, _ = to.Write(lastWord)
	case <-ctx.Done():
	}
}

func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrCut
	}
	return fmt.Errorf("%w: %w", ErrCut, err)
}

// tell tells whoever is at the other end to stop: ZMODEM's cancel sequence, which lrzsz itself sends ("ZMODEM Inter Application File
// Transfer Protocol", section 7.3, Session Abort Sequence).
func (c *child) tell() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = c.line.WriteContext(ctx, []byte("\x18\x18\x18\x18\x18\x18\x18\x18\x18\x18\b\b\b\b\b\b\b\b\b\b"))
}

// clipped keeps the first bytes that are written to it.
type clipped struct{ b []byte }

func (c *clipped) Write(p []byte) (int, error) {
	c.b = append(c.b, p[:min(len(p), 1024-len(c.b))]...)
	return len(p), nil
}

func (c *clipped) String() string { return string(c.b) }
