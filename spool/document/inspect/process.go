package inspect

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
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
	way  way
	in   *os.File // its standard input
	out  *os.File // its standard output
	dead chan struct{}
}

// way is how a child is held apart from this machine.
type way uint8

const (
	filtered way = iota // by the seccomp filter that it then says to have, and as nobody where we are root
	isolated            // in namespaces of its own
	plain               // by what else is granted
)

// errUnheld is a child that was to have a filter and has none.
var errUnheld = errors.New("a child is not held by seccomp")

// start starts a child in the best way that is granted.
func (p *Pool) start() (*child, error) {
	for {
		p.mu.Lock()
		w, closed := p.way, p.closed
		p.mu.Unlock()
		if closed {
			return nil, ErrClosed
		}
		if w == filtered && !filterable() {
			p.notThis(w)
			continue
		}
		c, err := p.spawn(w)
		if err == nil || w == plain || !notGranted(err) {
			return c, err
		}
		p.notThis(w)
	}
}

// notThis gives up one way of starting children, for as long as the pool lives.
func (p *Pool) notThis(w way) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.way = max(p.way, w+1)
}

// notGranted tells a kernel or a site that refuses a way from a start that failed for another reason.
func notGranted(err error) bool {
	for _, e := range []error{syscall.EPERM, syscall.EACCES, syscall.ENOSYS, syscall.EINVAL, syscall.ENOSPC, syscall.EUSERS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (p *Pool) spawn(w way) (*child, error) {
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
	c := &child{way: w, in: in, out: out, dead: make(chan struct{})}
	c.cmd = p.command(w)
	c.cmd.Stdin, c.cmd.Stdout = theirIn, theirOut
	if err := p.adopt(c); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	return c, nil
}

// command describes the child. Its standard error goes to /dev/null: a crash may quote the document.
func (p *Pool) command(w way) *exec.Cmd {
	b := p.opts.bounds()
	cmd := &exec.Cmd{
		Path: self,
		Args: append(append([]string{}, p.opts.Command...), b.args()...),
		Dir:  "/",
		Env: []string{
			"GOMAXPROCS=1", // a second one is idle for most of its life, and costs threads and pages
			"GOMEMLIMIT=" + strconv.FormatUint(b.memory/4*3, 10),
			"GOGC=off", // until the memory limit: a child does not live long enough to clean up
			"GOTRACEBACK=none",
			"GORACE=atexit_sleep_ms=0", // the race detector's second of sleep at exit; without it, nothing
		},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	apart(cmd, w)
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
