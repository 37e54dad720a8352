package usb

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	fastest = 250 * time.Millisecond // between looks, where no events come
	slowest = 2 * time.Second
	safety  = 10 * time.Second // where events come: they may be lost, or go to another namespace
)

// Changes is as [Bus] says: by the kernel's events, or udevd's where it runs, since they come when permissions are set and
// not before. In any case it looks now and then.
func (s *system) Changes(ctx context.Context, notify func()) {
	events := make(chan struct{}, 1)
	socket, err := listen(s.group())
	if err == nil {
		defer socket.Close()
		go hear(socket, events)
	}
	s.follow(ctx, events, err == nil, notify)
}

// follow calls notify for each event, and for each difference seen.
func (s *system) follow(ctx context.Context, events <-chan struct{}, heard bool, notify func()) {
	pause, known := fastest, ""
	for first := true; ctx.Err() == nil; first = false {
		if now := s.glance(); first || now != known {
			pause, known = fastest, now
			notify()
		}
		if heard {
			pause = safety
		}
		look := time.NewTimer(pause)
		select {
		case <-events:
			known = s.glance() // what comes after it has an event of its own
			notify()
		case <-look.C:
			pause = min(2*pause, slowest)
		case <-ctx.Done():
		}
		look.Stop()
	}
}

// glance is what is plugged in, and its addresses.
func (s *system) glance() string {
	var b strings.Builder
	entries, _ := os.ReadDir(s.devices) // none is an answer too
	for _, e := range entries {
		if isPort(e.Name()) {
			b.WriteString(e.Name() + "=" + strconv.Itoa(number(filepath.Join(s.devices, e.Name()), "devnum")) + " ")
		}
	}
	return b.String()
}

// The groups of the event socket.
const (
	kernelGroup = 1
	udevGroup   = 2
)

// group is who tells.
func (s *system) group() uint32 {
	if _, err := os.Stat(s.udev); err == nil {
		return udevGroup
	}
	return kernelGroup
}

// listen opens the kernel's event socket.
func listen(group uint32) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: group}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "uevent"), nil
}

// hear passes on that there was an event of a USB device, until the socket is closed. What it says does not count:
// whoever is told looks for himself.
func hear(socket *os.File, events chan<- struct{}) {
	message := make([]byte, 16<<10)
	for {
		n, err := socket.Read(message)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err == nil && !bytes.Contains(message[:n], []byte("SUBSYSTEM=usb\x00")) {
			continue
		}
		select {
		case events <- struct{}{}: // also after ENOBUFS: events were lost
		default:
		}
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
	}
}
