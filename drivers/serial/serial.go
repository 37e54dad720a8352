// Package serial opens the one serial line on which a technician's machine is plugged in, and keeps its dangers away from
// whoever talks over it.
//
// The line is opened, set up (8N1, no flow control, raw) and emptied by github.com/tarm/serial. What that library does not do
// is done here, on a second descriptor of the same line. Its hazards (serial.go and serial_linux.go of 98f6abe), and what
// became of each:
//
//   - Read and Write cannot be cancelled: OpenPort takes O_NONBLOCK off, so that both sleep in the kernel, Close waits for a
//     Read, and a Write to a line that takes nothing ends never. Here both go through a non-blocking descriptor and Go's
//     poller: a context ends them, and so does [Line.Close].
//   - With ReadTimeout, (0, io.EOF) is a timeout, not the end, and a line that hung up answers so without end; a timeout
//     is one of 0.1 s to 25.5 s, whatever was asked. Here VMIN is 1 and VTIME 0 (termios(3)), never a ReadTimeout, so that a read
//     of nothing has one meaning: the line hung up. That, and EIO (a pseudoterminal whose other end is closed), is io.EOF.
//   - Nothing is exclusive: a second OpenPort succeeds, sets the rate anew, and both read half. Here three locks are taken, and
//     each is looked at: a lock file in /var/lock, which minicom honours (Filesystem Hierarchy Standard 3.0, section 5.9); flock(2),
//     which picocom honours; TIOCEXCL (ioctl_tty(2)), with which the kernel refuses everybody but root.
//   - OpenPort opens whatever the path names, and opening a device may do something. Here only a character device is opened.
//   - A rate is taken from a list, and whether the device took it is not looked at. Here it is.
//   - Close sleeps until what was written is sent (30 s at a UART, uart_close in the kernel). Here what is not sent is thrown
//     away first, with Flush; [Line.Drain] is for who wants it sent.
//   - Flush throws away both directions, and at a pseudoterminal also what the other end has not read yet. Here it is called only by
//     Close, and only where something waits to be sent.
//
// What no software sees: CLOCAL is set and the cable may have three wires, so a cable that is pulled out at the technician's
// end is silence, not a hang-up. A USB adapter that is pulled out hangs up. A break reads as a NUL, a wrong rate as noise.
package serial

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	tarm "github.com/tarm/serial"
	"golang.org/x/sys/unix"
)

// Bauds are the rates that a line may have, in bits per second.
func Bauds() []int { return []int{9600, 19200, 38400, 57600, 115200} }

// LockDir is where minicom and others keep their lock files.
const LockDir = "/var/lock"

// Reasons of Open.
var (
	ErrBaud   = errors.New("serial: no rate of a line: 9600, 19200, 38400, 57600 or 115200")
	ErrNoLine = errors.New("serial: not a serial line")
	ErrHeld   = errors.New("serial: another program has the line")
)

// Options say which line.
type Options struct {
	Device  string // a path such as /dev/ttyS0, or a link to one, such as /dev/serial/by-path/…
	Baud    int    // one of Bauds
	LockDir string // of lock files; empty: LockDir. Where there is no such directory nobody keeps any
}

// Line is an open line. One may read while another writes; two who read, or write, take turns.
type Line struct {
	port      *tarm.Port // set it up; neither read nor written
	file      *os.File   // the same line, non-blocking
	lock      *lockFile
	in, out   direction
	closed    chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// Open opens a line for this process alone. Errors are ErrBaud, ErrNoLine, ErrHeld, or what the system says where there is no
// such device, or one that was unplugged.
func Open(o Options) (*Line, error) {
	if !slices.Contains(Bauds(), o.Baud) {
		return nil, ErrBaud
	}
	device, err := filepath.EvalSymlinks(o.Device)
	if err != nil {
		return nil, nameless(err)
	}
	if st, err := os.Stat(device); err != nil {
		return nil, nameless(err)
	} else if st.Mode()&os.ModeCharDevice == 0 {
		return nil, ErrNoLine
	}
	if o.LockDir == "" {
		o.LockDir = LockDir
	}
	lock, err := takeLock(o.LockDir, device)
	if err != nil {
		return nil, err
	}
	l, err := open(device, o.Baud)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	l.lock = lock
	return l, nil
}

// open opens a device whose lock file is ours.
func open(device string, baud int) (*Line, error) {
	file, err := os.OpenFile(device, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, ErrHeld
	}
	if err != nil {
		return nil, nameless(err)
	}
	l := &Line{file: file, closed: make(chan struct{})}
	l.in, l.out = newDirection(file.SetReadDeadline), newDirection(file.SetWriteDeadline)
	if err := l.claim(device, baud); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// nameless is an error without the path: below /dev/serial/by-id that has the adapter's serial number.
func nameless(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("serial: the line: %w", err)
}

// claim takes the line for this process, and sets it up.
func (l *Line) claim(device string, baud int) (err error) {
	if err := l.control(alone); err != nil {
		return err
	}
	if l.port, err = tarm.OpenPort(&tarm.Config{Name: device, Baud: baud}); err != nil {
		return nameless(err)
	}
	if err := l.control(func(fd int) error { return settled(fd, baud) }); err != nil {
		return errors.Join(err, l.port.Close())
	}
	return nil
}

// alone locks a line, unless somebody else did.
func alone(fd int) error {
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return errors.Join(ErrNoLine, err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return ErrHeld
	} else if err != nil {
		return fmt.Errorf("serial: flock: %w", err)
	}
	switch exclusive, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL); {
	case err != nil:
		return fmt.Errorf("serial: %w", err)
	case exclusive != 0: // we are root, or we could not have opened it
		return ErrHeld
	}
	return nil
}

// settled makes a line exclusive, and looks at how it was set up.
func settled(fd, baud int) error {
	if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
		return fmt.Errorf("serial: %w", err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("serial: %w", err)
	}
	rates := []uint32{unix.B9600, unix.B19200, unix.B38400, unix.B57600, unix.B115200}
	if t.Cflag&unix.CBAUD != rates[slices.Index(Bauds(), baud)] || t.Cflag&(unix.CSIZE|unix.PARENB|unix.CSTOPB) != unix.CS8 || t.Lflag != 0 || t.Cc[unix.VMIN] != 1 || t.Cc[unix.VTIME] != 0 {
		return fmt.Errorf("%w: it cannot be set to %d baud, 8N1", ErrNoLine, baud)
	}
	return nil
}

// control does something with the descriptor while it cannot be closed.
func (l *Line) control(do func(fd int) error) error {
	c, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = c.Control(func(fd uintptr) { inner = do(int(fd)) })
	return errors.Join(inner, err)
}
