package inspect

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNeedless: a child keeps a poller that it opened itself, and neither one that came through execve nor anything else.
func TestNeedless(t *testing.T) {
	open := func(fd int, err error) int {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		return fd
	}
	own, event := open(unix.EpollCreate1(unix.EPOLL_CLOEXEC)), open(unix.Eventfd(0, unix.EFD_CLOEXEC))
	came, file := open(unix.EpollCreate1(0)), open(unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0))
	all, err := needless()
	if err != nil {
		t.Fatal(err)
	}
	for fd, want := range map[int]bool{0: false, 1: false, 2: false, own: false, event: false, came: true, file: true} {
		if slices.Contains(all, fd) != want {
			t.Errorf("%d is needless: %v, not %v", fd, !want, want)
		}
	}
}
