package inspect

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// closeInherited closes what the parent left open by mistake, or a C library in it that knows nothing of
// close-on-exec: pcscd's socket must not come along. Only the runtime's own poller stays, which it opens as soon as
// any package opens a file while it is initialised.
func closeInherited() error {
	all, err := needless()
	if err != nil { // without /proc nobody can say which they are
		return unix.CloseRange(3, math.MaxUint32, 0)
	}
	for _, fd := range all {
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	return nil
}

// needless are the descriptors above standard error, but for a poller of this very process: one that came through
// execve cannot bear close-on-exec (execve(2)). Nothing is opened through the runtime here.
func needless() (all []int, err error) {
	dir, err := unix.Open("/proc/self/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	var names []string
	for buf := make([]byte, 4096); ; {
		n, err := unix.ReadDirent(dir, buf)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil {
			return nil, err
		}
		if fd > 2 && fd != dir && !isPoller(fd) {
			all = append(all, fd)
		}
	}
	return all, nil
}

func isPoller(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	to := make([]byte, 32)
	n, lost := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), to)
	return err == nil && lost == nil && flags&unix.FD_CLOEXEC != 0 && slices.Contains([]string{"anon_inode:[eventpoll]", "anon_inode:[eventfd]"}, string(to[:n]))
}

// confine gives up this process's rights, one after the other. The limits are a condition; the rest is as much
// as the kernel grants. Descriptors 0 to 2 stay open and no other can be opened, which alone keeps files and
// sockets away from every thread.
func confine(b bounds) (Confinement, error) {
	var got Confinement
	if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == nil && unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) == nil {
		got |= NoNewRights
	}
	got |= landlock()
	if err := limit(b); err != nil {
		return got, err
	}
	if os.Getenv(namespacesEnv) != "" {
		got |= Namespaces
	}
	return got | Limits | seccomp(), nil
}

// bound is one limit.
type bound struct {
	what  string
	res   int
	value uint64
}

// maxThreads is far more than the Go runtime starts for two processors.
const maxThreads = 64

// limit sets soft and hard limits alike. The one on processes and threads is for a user namespace of its own, where
// they are counted from 0; elsewhere it counts all of the user's, and only seccomp keeps processes away.
func limit(b bounds) error {
	limits := []bound{
		{"core", unix.RLIMIT_CORE, 0},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"cpu", unix.RLIMIT_CPU, b.cpu},
		{"data", unix.RLIMIT_DATA, b.memory},
		{"locked memory", unix.RLIMIT_MEMLOCK, 0},
		{"message queues", unix.RLIMIT_MSGQUEUE, 0},
		{"descriptors", unix.RLIMIT_NOFILE, 0},
	}
	if os.Getenv(namespacesEnv) != "" {
		limits = append(limits, bound{"processes", unix.RLIMIT_NPROC, maxThreads})
	}
	for _, l := range limits {
		if l.res == unix.RLIMIT_DATA && raceDetector {
			continue // its shadow memory is larger than any sensible limit
		}
		if err := unix.Setrlimit(l.res, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit %s: %w", l.what, err)
		}
	}
	return nil
}

// Landlock's rights by the version of its interface (linux/landlock.h).
const (
	landlockFS1     = 1<<13 - 1 // version 1: execute to make_sym
	landlockRefer   = 1 << 13   // 2
	landlockTrunc   = 1 << 14   // 3
	landlockIoctl   = 1 << 15   // 5
	landlockNetTCP  = 3         // 4: bind, connect
	landlockScopes  = 3         // 6: abstract unix sockets, signals
	landlockVersion = 1         // LANDLOCK_CREATE_RULESET_VERSION
)

// landlock forbids all that this kernel's Landlock knows. It holds a thread and the threads that come of it; all
// threads are reached where the binary has no C in it, else the calling one, on which the inspection stays.
func landlock() (got Confinement) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, landlockVersion)
	if errno != 0 || abi < 1 {
		return 0
	}
	attr, got := landlockRules(int(abi))
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return 0
	}
	defer unix.Close(int(fd)) // a ruleset without rules allows nothing
	_, _, errno = syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if errno == 0 {
		if _, _, errno = syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno == 0 {
			return got | AllThreads
		}
	}
	if _, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return 0
	}
	return got
}

// rulesetAttr is struct landlock_ruleset_attr of version 6; older kernels want what they do not know to be 0.
type rulesetAttr struct{ files, net, scoped uint64 }

func landlockRules(abi int) (a rulesetAttr, got Confinement) {
	a.files, got = landlockFS1, LandlockFiles
	for _, r := range []struct {
		since int
		right uint64
	}{{2, landlockRefer}, {3, landlockTrunc}, {5, landlockIoctl}} {
		if abi >= r.since {
			a.files |= r.right
		}
	}
	if abi >= 4 {
		a.net, got = landlockNetTCP, got|LandlockNet
	}
	if abi >= 6 {
		a.scoped, got = landlockScopes, got|LandlockScope
	}
	return a, got
}

// namespacesEnv tells the child that its namespaces are its own.
const namespacesEnv = "HONNIN_INSPECT_NAMESPACES"

const nobody = 65534

// apart starts cmd in its way. Namespaces are no network but an idle loopback, and a user without rights over anything
// outside. They add nothing to a filter that allows no socket, no System V object and no other process, and cost
// some 8 ms of processor time each: making and unmaking a network, and a copy of the parent's page tables, for
// Go does not vfork into a user namespace. Root's rights are given up otherwise.
func apart(cmd *exec.Cmd, w way) {
	switch {
	case w == isolated:
		isolate(cmd)
	case w == filtered && os.Getuid() == 0:
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWIPC
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
	cmd.Env = append(cmd.Env, namespacesEnv+"=1")
}

// roomy makes the pipe large enough for most documents, so that parent and child need not take turns. Where it is
// not granted the document goes across in pieces.
func roomy(pipe *os.File) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) })
}

// pending returns how many bytes wait in a pipe.
func pending(pipe *os.File) (n int) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	_ = conn.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}
