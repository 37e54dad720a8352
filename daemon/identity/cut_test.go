package identity

import (
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"honnin/daemon/durable/durabletest"
)

// TestPowerCut cuts the power at every step of an enrolment, a renewal and one made anew. Afterwards the key in force is
// the one before or the one that was being put in force, and the way goes on from there.
func TestPowerCut(t *testing.T) {
	ca := authority(t, "Terminals")
	cuts, kinds := 0, map[string]bool{}
	for at := 0; ; at++ {
		d := &desk{T: t, ca: ca, now: start}
		dir := filepath.Join(t.TempDir(), "keys")
		d.keys = d.open(dir)
		cut := durabletest.New(dir, at)
		d.keys.disk = cut
		before, doing, err := d.walk()
		if err == nil {
			break
		}
		if !errors.Is(err, durabletest.ErrCut) {
			t.Fatal(at, err)
		}
		kind, _, _ := strings.Cut(cut.Done[len(cut.Done)-1], " ")
		kinds[kind] = true
		for _, image := range cut.Images(t, t.TempDir()) {
			cuts++
			d.keys = d.open(image)
			d.keys.disk = durabletest.Fast{}
			d.afterCut(cut.Done[len(cut.Done)-1], before, doing)
		}
	}
	if cuts < 80 || len(kinds) != 5 {
		t.Errorf("only %d cuts at %v", cuts, kinds)
	}
	t.Logf("%d cuts", cuts)
}

// walk enrols, renews twice, once with a request made anew; before is the certificate in force, doing the one that was
// being installed.
func (d *desk) walk() (before, doing *x509.Certificate, err error) {
	for _, hows := range [][]How{{First}, {Renew}, {Renew, Anew}} {
		var request []byte
		for _, how := range hows {
			if request, err = d.keys.Request(TLS, how); err != nil {
				return before, nil, err
			}
		}
		doing = d.issue(request)
		if _, err = d.keys.Install(doing, d.anchors()); err != nil {
			return before, doing, err
		}
		before, doing = doing, nil
	}
	return before, nil, nil
}

func (d *desk) afterCut(where string, before, doing *x509.Certificate) {
	d.Helper()
	now, _, err := d.keys.read(TLS)
	if err != nil {
		d.Fatalf("%s: %v", where, err)
	}
	switch {
	case now == nil && before == nil:
	case now != nil && (now.certificate.Equal(before) || now.certificate.Equal(doing)):
	default:
		d.Fatalf("%s: another key is in force", where)
	}
	how := Anew
	if _, err := d.keys.Awaiting(TLS); err != nil && now != nil {
		how = Renew
	}
	d.install(d.issue(d.request(TLS, how)))
	entries, err := os.ReadDir(d.keys.o.Dir)
	if err != nil {
		d.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" && !generationForm.MatchString(e.Name()) {
			d.Fatalf("%s: %s was left", where, e.Name())
		}
	}
	if len(entries) != 2 {
		d.Fatalf("%s: %d names are left", where, len(entries))
	}
}

// A program that was started while the lock was held, and has it still, holds nothing up.
func TestLockIsNotInherited(t *testing.T) {
	d := newDesk(t)
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.keys.alone(func() error {
		child.ExtraFiles = []*os.File{d.held("lock")}
		return errors.Join(child.Start(), child.ExtraFiles[0].Close())
	}); err != nil {
		t.Fatal(err)
	}
	if err := d.keys.alone(func() error { return nil }); err != nil {
		t.Error(err)
	}
	if err := errors.Join(stdin.Close(), child.Wait()); err != nil { // it was there until now
		t.Error(err)
	}
}

// held is the file of the keys that this process has open, once more.
func (d *desk) held(name string) *os.File {
	d.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		d.Fatal(err)
	}
	for _, e := range fds {
		number, err := strconv.Atoi(e.Name())
		if to, bad := os.Readlink("/proc/self/fd/" + e.Name()); err != nil || bad != nil || to != filepath.Join(d.keys.o.Dir, name) {
			continue
		}
		again, err := unix.FcntlInt(uintptr(number), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			d.Fatal(err)
		}
		return os.NewFile(uintptr(again), name)
	}
	d.Fatal("nobody has it open")
	return nil
}
