package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Room, in bytes of the file, that has its blocks on the disk before something begins. One entry needs a few pages of 4 KiB while
// it is written and gives most of them back; it adds about 0.4 KiB for good.
const (
	visitRoom       = 256 << 10 // before a visit
	transactionRoom = 128 << 10 // before each of its documents, and before a service sheet or a test visit
	restartRoom     = 128 << 10 // wanted at a start, for what the last run left open and for incidents between visits
	sealRoom        = 1 << 20   // before entries are sealed
	stepRoom        = 2 << 10   // for each entry of an escalation or of a technician's, and a visit's besides, which may be in use
)

// technicians are the kinds that a technician brings about, as many as they like.
var technicians = map[Kind]bool{TechnicianIn: true, TechnicianRefused: true, TechnicianDid: true, TechnicianOut: true, TechnicianNoted: true, ServiceOff: true, ServiceOn: true}

// roomFor is what has to be to spare before e is recorded with so many others. All else has its room by the visit, or at the start.
func roomFor(e Entry, others int) int64 {
	switch {
	case e.Kind == Accepted, e.Kind == SheetBegun, e.Kind == TestVisitBegun:
		return transactionRoom
	case e.Kind == Escalated, e.Kind == Latched && e.Reason == Unacknowledged, technicians[e.Kind]:
		return visitRoom + int64(1+others)*stepRoom
	}
	return 0
}

// reserve makes sure that the file has blocks for its first size bytes. The writer's lock is held.
func (j *Journal) reserve(size int64) error {
	if size <= j.room {
		return nil
	}
	err := unix.Fallocate(int(j.file.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = j.zero(size)
	}
	if err != nil {
		return os.NewSyscallError("no room for a visit's entries: fallocate", err)
	}
	j.room = size
	return nil
}

// zero writes what lies beyond the file's end, on file systems that cannot allocate otherwise.
func (j *Journal) zero(size int64) error {
	info, err := j.file.Stat()
	if err != nil || info.Size() >= size {
		return err
	}
	_, err = j.file.WriteAt(make([]byte, size-info.Size()), info.Size())
	return err
}
