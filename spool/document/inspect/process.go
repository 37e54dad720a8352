package inspect

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// self is this binary, also after it was replaced on disk.
const self = "/proc/self/exe"

// startLimit is the wall time in which a child must be confined and say hello; it takes some milliseconds.
const startLimit = 10 * time.Second

// child is a process that waits for, or works on, one document. The pipes belong to the pool's idle list, then to
// whoever took the child from it: a report may still be unread when its writer is long reaped.
type child struct {
	cmd  *exec.Cmd
	in   *os.File // its standard input
	out  *os.File // its standard output
	dead chan struct{}
}

// start starts a child with namespaces of its own, or without where they are not granted.
func (p *Pool) start() (*child, error) {
	p.mu.Lock()
	plain, closed := p.plain, p.closed
	p.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	if !plain {
		c, err := p.spawn(true)
		if err == nil || !notGranted(err) {
			return c, err
		}
		p.mu.Lock()
		p.plain = true
		p.mu.Unlock()
	}
	return p.spawn(false)
}

// notGranted tells a kernel or a site that refuses namespaces from a start that failed for another reason.
func notGranted(err error) bool {
	for _, e := range []error{syscall.EPERM, syscall.EACCES, syscall.ENOSYS, syscall.EINVAL, syscall.ENOSPC, syscall.EUSERS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (p *Pool) spawn(isolated bool) (*child, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), in.Close())
	}
	defer theirIn.Close()
	defer theirOut.Close()
	roomy(in)
	c := &child{in: in, out: out, dead: make(chan struct{})}
	c.cmd = p.command(isolated)
	c.cmd.Stdin, c.cmd.Stdout = theirIn, theirOut
	if err := p.adopt(c); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	return c, nil
}

// command describes the child. Its standard error goes to /dev/null: a crash may quote the document.
func (p *Pool) command(isolated bool) *exec.Cmd {
	b := p.opts.bounds()
	cmd := &exec.Cmd{
		Path: self,
		Args: append(append([]string{}, p.opts.Command...), b.args()...),
		Dir:  "/",
		Env: []string{
			"GOMAXPROCS=" + strconv.Itoa(min(2, runtime.NumCPU())),
			"GOMEMLIMIT=" + strconv.FormatUint(b.memory/4*3, 10),
			"GOGC=off", // until the memory limit: a child does not live long enough to clean up
			"GOTRACEBACK=none",
			"GORACE=atexit_sleep_ms=0", // the race detector's second of sleep at exit; without it, nothing
		},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if isolated {
		isolate(cmd)
	}
	return cmd
}

// adopt starts c and its reaper, unless the pool has been closed.
func (p *Pool) adopt(c *child) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	p.all[c] = struct{}{}
	p.work.Go(func() {
		_ = c.cmd.Wait() // how it ended does not matter: only a whole report counts
		close(c.dead)
		p.buried(c)
	})
	return nil
}

func (c *child) isDead() bool {
	select {
	case <-c.dead:
		return true
	default:
		return false
	}
}

func (c *child) kill() { _ = c.cmd.Process.Kill() }

// discard kills the child, which its reaper then buries, and closes the pipes.
func (c *child) discard() {
	c.kill()
	_ = c.in.Close()
	_ = c.out.Close()
}

// hello reads what the child says first: that it is confined, and how.
func (c *child) hello() (Confinement, error) {
	var b [helloSize]byte
	_ = c.out.SetReadDeadline(time.Now().Add(startLimit))
	if _, err := io.ReadFull(c.out, b[:]); err != nil || string(b[:len(helloMagic)]) != helloMagic {
		return 0, errors.New("a child did not say hello")
	}
	return Confinement(binary.BigEndian.Uint16(b[len(helloMagic):])), nil
}

// exchange hands the document over and reads the report, all within one limit. The child reads everything before
// it writes, so neither waits for the other; one that does not keeps us waiting until the limit.
func (c *child) exchange(pdf []byte, within time.Duration) (Facts, error) {
	limit := time.Now().Add(within)
	_ = c.in.SetWriteDeadline(limit)
	_ = c.out.SetReadDeadline(limit)
	var prefix [4]byte
	binary.BigEndian.PutUint32(prefix[:], uint32(len(pdf)))
	if _, err := c.in.Write(prefix[:]); err != nil {
		return Facts{}, how(err)
	}
	if _, err := c.in.Write(pdf); err != nil {
		return Facts{}, how(err)
	}
	if _, err := io.ReadFull(c.out, prefix[:]); err != nil {
		return Facts{}, how(err)
	}
	n := binary.BigEndian.Uint32(prefix[:])
	if n > maxReport {
		return Facts{}, errors.New("reported too much")
	}
	report := make([]byte, n)
	if _, err := io.ReadFull(c.out, report); err != nil {
		return Facts{}, how(err)
	}
	if n, err := c.out.Read(prefix[:1]); n != 0 || err != io.EOF {
		return Facts{}, errors.New("reported more than it said, or did not end")
	}
	facts, err := unmarshal(report)
	if err != nil {
		return Facts{}, errors.New("reported nonsense")
	}
	return facts, nil
}

// how says in words what a broken pipe or a missed deadline means.
func how(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("did not end in time")
	}
	return errors.New("ended without a report")
}
