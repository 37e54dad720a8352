package inspect

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attempts are what a confined child must not be able to do. They succeed in a process that nothing holds; exec
// would replace the child, which is then found to say nothing.
var attempts = []struct {
	name string
	try  func() error
}{
	{"open", func() error { return opens("/etc/passwd", unix.O_RDONLY) }},
	{"create", func() error { return opens(forbiddenFile, unix.O_CREAT|unix.O_WRONLY) }},
	{"mkdir", func() error { return unix.Mkdir(forbiddenFile+".d", 0o700) }},
	{"chmod", func() error { return unix.Chmod("/dev/null", 0o666) }}, // which it has
	{"rename", func() error { return renamed(unix.Renameat) }},
	{"socket", func() error { return socket(unix.AF_INET) }},
	{"unix-socket", func() error { return socket(unix.AF_UNIX) }},
	{"parent-network", dialParent},
	{"parent-memory", attachParent},
	{"pipe", func() error { return unix.Pipe2(make([]int, 2), 0) }},
	{"dup", func() error { _, err := unix.Dup(0); return err }},
	{"memfd", func() error { _, err := unix.MemfdCreate("x", 0); return err }},
	{"fork", fork},
	{"clone3", clone3},
	{"raise-data", func() error { return raise(unix.RLIMIT_DATA) }},
	{"raise-cpu", func() error { return raise(unix.RLIMIT_CPU) }},
	{"raise-files", func() error { return raise(unix.RLIMIT_NOFILE) }},
	{"signal-parent", func() error { return unix.Kill(os.Getppid(), 0) }},
	{"signal-thread", func() error { return unix.Tgkill(os.Getppid(), os.Getppid(), 0) }},
	{"dumpable", func() error { return holds(unix.PR_GET_DUMPABLE, 0) }},
	{"new-rights", func() error { return holds(unix.PR_GET_NO_NEW_PRIVS, 1) }},
	{"exec", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) }},
}

// renamed renames a directory to itself, which changes nothing.
func renamed(rename func(int, string, int, string) error) error {
	return rename(unix.AT_FDCWD, os.TempDir(), unix.AT_FDCWD, os.TempDir())
}

var forbiddenFile = filepath.Join(os.TempDir(), "honnin-must-not-exist")

func opens(path string, how int) error {
	fd, err := unix.Open(path, how, 0o600)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func socket(family int) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

// dialParent connects to the listener whose port is in the arguments.
func dialParent() error {
	port, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

// attachParent attaches the segment of memory whose number is in the arguments, which anybody may.
func attachParent() error {
	id, err := strconv.Atoi(os.Args[3])
	if err != nil {
		return err
	}
	b, err := unix.SysvShmAttach(id, 0, unix.SHM_RDONLY)
	if err == nil {
		_ = unix.SysvShmDetach(b)
	}
	return err
}

// fork makes a process, which ends at once.
func fork() error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return known(errno)
}

func clone3() error {
	args := [8]uint64{4: uint64(unix.SIGCHLD)} // struct clone_args: exit_signal
	pid, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	if errno == 0 && pid == 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return known(errno)
}

func known(errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

func raise(what int) error {
	return unix.Setrlimit(what, &unix.Rlimit{Cur: unix.RLIM_INFINITY >> 32, Max: unix.RLIM_INFINITY >> 32})
}

// holds is nil, which is bad, when what is not as it should be.
func holds(what, want int) error {
	if got, err := unix.PrctlRetInt(what, 0, 0, 0, 0); err != nil || got != want {
		return nil
	}
	return unix.EPERM
}

// lookAround confines the process and reports in a finding's detail what held it, and what worked all the same.
func lookAround(confine func() Confinement) {
	runtime.LockOSThread()
	got := confine()
	if layer := layers[os.Args[1]]; layer.without != 0 && got&layer.without != 0 {
		os.Exit(5)
	}
	worked := ""
	for _, a := range attempts {
		if slices.Contains(layers[os.Args[1]].leaves, a.name) {
			continue
		}
		if a.try() == nil {
			worked += a.name + " "
		}
	}
	say(frame(report(func(f *Facts) { f.Findings = []Finding{{order[1], fmt.Sprintf("%d: %s", got, worked)}} })))
}

// layer is one part of the confinement by itself, and what it does not forbid.
type layer struct {
	confine func() Confinement
	without Confinement // what must not be claimed
	leaves  []string
}

var rest = []string{"dumpable", "new-rights", "signal-parent", "signal-thread"}

// layers hold a child each for itself: one that the kernel lacks, or that has a hole, leaves the others.
var layers = map[string]layer{
	"limits alone":   {onlyLimits, 0, append([]string{"mkdir", "chmod", "rename", "parent-memory", "fork", "clone3", "exec", "raise-data", "raise-cpu", "raise-files"}, rest...)},
	"landlock alone": {noNewRights(landlock), 0, append([]string{"chmod", "socket", "unix-socket", "parent-memory", "pipe", "dup", "memfd", "fork", "clone3", "raise-data", "raise-cpu", "raise-files"}, rest...)},
	"seccomp alone":  {noNewRights(seccomp), 0, []string{"pipe", "dup", "dumpable", "new-rights"}},
	"namespaces alone": {func() Confinement { return Namespaces }, 0,
		append([]string{"open", "create", "mkdir", "chmod", "rename", "socket", "unix-socket", "pipe", "dup", "memfd", "fork", "clone3", "exec", "raise-files", "raise-data", "raise-cpu"}, rest...)},
	"a kernel without landlock": {noNewRights(kernelWithoutLandlock), LandlockFiles | LandlockNet | LandlockScope | AllThreads, nil},
}

// noNewRights is what both need of a process without capabilities.
func noNewRights(confine func() Confinement) func() Confinement {
	return func() Confinement {
		if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != nil {
			os.Exit(8)
		}
		return confine()
	}
}

func onlyLimits() Confinement {
	if b, ok := parseBounds(os.Args); !ok || limit(b) != nil {
		os.Exit(7)
	}
	return Limits
}

// kernelWithoutLandlock refuses the first of its system calls, as a kernel does that was built without it.
func kernelWithoutLandlock() Confinement {
	m, ok := machines[runtime.GOARCH]
	if !ok || !install(m.filter([]uint32{unix.SYS_LANDLOCK_CREATE_RULESET})) {
		return 0
	}
	return confineOrDie()
}

// TestConfinement: from inside, nothing can be opened, connected, started or raised, whether the child is held by its filter
// or in namespaces, and whether the kernel has Landlock or not; and each layer by itself forbids its part, since nobody knows which of them will have a hole.
func TestConfinement(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	segment, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.SysvShmCtl(segment, unix.IPC_RMID, nil) }()
	granted := confinementHere(t)
	for how, needs := range map[string]Confinement{
		"looks around": Seccomp, "looks around, isolated": Namespaces, "limits alone": Limits, "landlock alone": LandlockFiles, "seccomp alone": Seccomp,
		"namespaces alone": Namespaces, "a kernel without landlock": Seccomp,
	} {
		t.Run(how, func(t *testing.T) {
			if granted&needs == 0 {
				if os.Getenv("CI") == "true" {
					t.Fatalf("this kernel or user grants only %q", granted)
				}
				t.Skipf("this kernel or user grants only %q", granted)
			}
			p := pool(t, Options{Command: []string{badChild, how, port, strconv.Itoa(segment)}, Warm: -1})
			p.way = wayOf(how, needs)
			f, err := p.Inspect(t.Context(), good(1).Bytes())
			if err != nil || len(f.Findings) != 1 || p.way != wayOf(how, needs) {
				t.Fatalf("%v, %v, way %d", f.Findings, err, p.way)
			}
			held, worked, _ := strings.Cut(f.Findings[0].Detail, ": ")
			if got, err := strconv.Atoi(held); err != nil || Confinement(got)&needs == 0 {
				t.Errorf("held by %q only", Confinement(got))
			}
			for _, what := range strings.Fields(worked) {
				if !excused(what, granted) {
					t.Errorf("worked: %s", what)
				}
			}
		})
	}
}

// wayOf is the way that the name speaks of; a layer alone has no other beside it.
func wayOf(how string, needs Confinement) way {
	switch {
	case needs == Namespaces:
		return isolated
	case layers[how].confine != nil:
		return plain
	}
	return filtered
}

// excused: without its scopes Landlock lets a process signal its parent, without seccomp it may fork and root may
// raise limits, and there is no TCP in Landlock's first versions.
func excused(what string, granted Confinement) bool {
	switch {
	case what == "signal-parent", what == "signal-thread":
		return granted&(LandlockScope|Seccomp) == 0
	case what == "parent-network":
		return granted&LandlockNet == 0 && granted&Namespaces == 0
	}
	return granted&Seccomp == 0
}

// confinementHere is what this kernel and user grant, one way or the other.
func confinementHere(t *testing.T) (got Confinement) {
	for _, w := range []way{filtered, isolated} {
		p := pool(t, Options{Warm: -1})
		p.way = w
		if _, err := p.Inspect(t.Context(), good(1).Bytes()); err != nil {
			t.Fatal(err)
		}
		got |= p.Confinement()
	}
	return got
}

// TestWaitingChild looks at a real child from outside, as it waits: what it was given, and what holds it.
func TestWaitingChild(t *testing.T) {
	t.Setenv("HONNIN_TEST_SECRET", "must stay with the parent")
	open, err := unix.Open("/dev/null", unix.O_RDONLY, 0) // stays open in programs that are started, as a C library may leave it
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(open)
	for _, w := range []way{filtered, isolated} {
		lookAtWaiting(t, w)
	}
}

func lookAtWaiting(t *testing.T, w way) {
	t.Helper()
	p := pool(t, Options{Warm: -1})
	p.mu.Lock() // the keeper reads them
	p.way, p.opts.Warm = w, 1
	p.mu.Unlock()
	p.wake()
	await(t, "warm child", func() bool { return p.Waiting() == 1 })
	proc := fmt.Sprintf("/proc/%d/", p.waiting())
	to, err := os.Readlink(proc + "fd/2")
	if os.IsPermission(err) {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root, to look at a child that is not dumpable")
		}
		t.Skip("only root may look at a child that is not dumpable")
	}
	if err != nil || to != os.DevNull {
		t.Errorf("standard error goes to %q, %v", to, err)
	}
	list, err := os.ReadDir(proc + "fd")
	if err != nil || len(list) < 3 {
		t.Errorf("open: %v, %v", list, err)
	}
	allowed := map[string]int{"anon_inode:[eventpoll]": 1, "anon_inode:[eventfd]": 1} // the runtime's own poller, if it has one
	for _, fd := range list {
		if to, err := os.Readlink(proc + "fd/" + fd.Name()); err != nil || len(fd.Name()) > 1 || fd.Name() > "2" && allowed[to] == 0 {
			t.Errorf("open: %s, %q, %v", fd.Name(), to, err)
		} else if fd.Name() > "2" {
			allowed[to]--
		}
	}
	variables := regexp.MustCompile(`^((GO(MAXPROCS|MEMLIMIT|GC|TRACEBACK|RACE)|HONNIN_INSPECT_NAMESPACES)=[a-z0-9_=]*\x00)*$`)
	if env := read(t, proc+"environ"); !variables.MatchString(env) {
		t.Errorf("environment %q", env)
	}
	childLimits(t, proc, w)
	if f, err := p.Inspect(t.Context(), good(1).Bytes()); err != nil || len(f.Findings) != 0 {
		t.Fatalf("%v, %v", f.Findings, err)
	}
}

// childLimits reads the limits and every thread's rights. Fork and exec pass both on, and nothing takes them back.
func childLimits(t *testing.T, proc string, w way) {
	t.Helper()
	granted := confinementHere(t)
	limits := read(t, proc+"limits")
	want := map[string]int{"Max open files": 0, "Max file size": 0, "Max core file size": 0, "Max locked memory": 0, "Max msgqueue size": 0, "Max cpu time": 3, "Max data size": 384 << 20}
	apart := w == isolated && granted&Namespaces != 0
	if apart {
		want["Max processes"] = maxThreads
	}
	if raceDetector {
		delete(want, "Max data size")
	}
	for what, n := range want {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^%s +%d +%d `, what, n, n)).MatchString(limits) {
			t.Errorf("%s is not %d:\n%s", what, n, limits)
		}
	}
	threads, err := filepath.Glob(proc + "task/*/status")
	if err != nil || len(threads) == 0 {
		t.Fatal(threads, err)
	}
	for _, thread := range threads {
		s := read(t, thread)
		if granted&Seccomp != 0 && (!strings.Contains(s, "\nSeccomp:\t2\n") || !strings.Contains(s, "\nNoNewPrivs:\t1\n")) {
			t.Errorf("a thread is free:\n%s", s)
		}
		if !strings.Contains(s, "\nCapEff:\t0000000000000000\n") && w == filtered && granted&Seccomp != 0 {
			t.Errorf("a thread has rights:\n%s", s)
		}
	}
	if !apart {
		return
	}
	for _, ns := range []string{"net", "user", "ipc"} {
		theirs, err1 := os.Readlink(proc + "ns/" + ns)
		ours, err2 := os.Readlink("/proc/self/ns/" + ns)
		if err1 != nil || err2 != nil || theirs == ours {
			t.Errorf("%s: %q and %q, %v, %v", ns, theirs, ours, err1, err2)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestGranted: what this kernel has is in force, and is said.
func TestGranted(t *testing.T) {
	want := Limits | NoNewRights
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, landlockVersion)
	for since, right := range map[uintptr]Confinement{1: LandlockFiles, 4: LandlockNet, 6: LandlockScope} {
		if errno == 0 && abi >= since {
			want |= right
		}
	}
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	if _, listed := machines[runtime.GOARCH]; listed && errno == 0 {
		want |= Seccomp
	}
	if got := confinementHere(t); got&want != want {
		t.Errorf("held by %q, this kernel has %q", got, want)
	}
}

// TestEachWay: a child that was to have a filter and says that it has none is not given the document; the next is in
// namespaces. Where a way is not granted the next one is taken.
func TestEachWay(t *testing.T) {
	p := pool(t, bad("has no filter"))
	c, err := p.greeted(t.Context())
	if err != nil || c.way == filtered || p.way == filtered || p.Confinement() != 0 {
		t.Fatalf("%v, way %d, held by %q", err, p.way, p.Confinement())
	}
	c.discard()
	for from, want := range map[way]way{filtered: isolated, isolated: plain} {
		p.way = from
		p.notThis(from)
		if p.notThis(filtered); p.way != want {
			t.Errorf("after %d comes %d", from, p.way)
		}
	}
}

// TestWithoutNamespaces: a site that grants none has its children all the same, held by the rest.
func TestWithoutNamespaces(t *testing.T) {
	p := pool(t, Options{Warm: -1})
	p.way = plain
	if f, err := p.Inspect(t.Context(), good(1).Bytes()); err != nil || len(f.Findings) != 0 {
		t.Fatalf("%v, %v", f.Findings, err)
	}
	if got := p.Confinement(); got&Namespaces != 0 || got&Limits == 0 {
		t.Errorf("confinement %q", got)
	}
}

// TestOneDocumentEach: a child answers once and is gone; another waits in its place.
func TestOneDocumentEach(t *testing.T) {
	p := pool(t, Options{})
	c, err := p.greeted(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.discard()
	if _, err := c.exchange(good(1).Bytes(), p.opts.Wall); err != nil {
		t.Fatal(err)
	}
	if f, err := c.exchange(good(1).Bytes(), p.opts.Wall); err == nil {
		t.Errorf("a second answer: %+v", f)
	}
	<-c.dead
	p.wake()
	for range 2 {
		await(t, "warm child", func() bool { return p.Waiting() == 1 })
		old := p.waiting()
		if _, err := p.Inspect(t.Context(), good(1).Bytes()); err != nil {
			t.Fatal(err)
		}
		await(t, "another warm child, and that one alone", func() bool {
			now := p.children()
			return p.Waiting() == 1 && len(now) == 1 && now[0] != old
		})
	}
}
