package inspect

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denied are the system calls that lead out of a process: to another program, process, socket or file, to its mode and
// owner, to another process's memory, with a signal, to wider limits. What is left is memory, threads, clocks and the three open descriptors.
var denied = []uint32{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_PTRACE,
	unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD,
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_RECVMSG,
	unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_MEMFD_CREATE, unix.SYS_MOUNT, unix.SYS_UMOUNT2,
	unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_TRUNCATE,
	unix.SYS_FCHMODAT, fchmodat2, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_REMOVEXATTR,
	unix.SYS_LREMOVEXATTR, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_MOUNT_SETATTR,
	unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PIDFD_SEND_SIGNAL,
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL,
	unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_SEMCTL, unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_SETRLIMIT, unix.SYS_PRLIMIT64,
}

// fchmodat2 has this number on every machine (Linux 6.6).
const fchmodat2 = 452

// machine is what the filter must know of a processor: its name in the kernel, and the numbers of the calls that
// only older ones have (linux: open, creat, fork, vfork, mkdir, rmdir, unlink, rename, link, symlink, chmod, chown, lchown, utime,
// utimes, futimesat, mknod).
type machine struct {
	audit  uint32
	legacy []uint32
}

var machines = map[string]machine{
	"amd64": {unix.AUDIT_ARCH_X86_64, []uint32{2, 85, 57, 58, 83, 84, 87, 82, 86, 88, 90, 92, 94, 132, 235, 261, 133}},
	"arm64": {unix.AUDIT_ARCH_AARCH64, nil},
}

// seccomp forbids what is denied, and every clone that is no thread, to all threads; on a processor that is not
// in the table, or a kernel without it, nothing.
func seccomp() Confinement {
	m, ok := machines[runtime.GOARCH]
	if !ok || !install(m.filter(append(m.legacy, denied...))) {
		return 0
	}
	return Seccomp
}

// filterable reports whether this kernel would install a child's filter; what it did install the child says.
func filterable() bool {
	_, listed := machines[runtime.GOARCH]
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return listed && errno == 0
}

func install(filter []unix.SockFilter) bool {
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	return errno == 0
}

// Offsets in struct seccomp_data; both machines are little-endian.
const (
	atNumber, atArch, atFirstArgument = 0, 4, 16

	x32 = 1 << 30 // system calls of the x32 ABI, which an x86-64 program may call too
)

// filter answers EPERM to the calls in the list, to clone without CLONE_THREAD and to tgkill (the runtime's) at another
// process. clone3, whose flags lie where a
// filter cannot look, does not exist (ENOSYS): libc then uses clone.
func (m machine) filter(list []uint32) []unix.SockFilter {
	const load, equal, least, bits, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K,
		unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	not, none := uint32(unix.SECCOMP_RET_ERRNO|unix.EPERM), uint32(unix.SECCOMP_RET_ERRNO|unix.ENOSYS)
	f := []unix.SockFilter{
		{Code: load, K: atArch},
		{Code: equal, Jt: 1, K: m.audit},
		{Code: answer, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: load, K: atNumber},
		{Code: least, Jf: 1, K: x32},
		{Code: answer, K: not},
		{Code: equal, Jf: 1, K: unix.SYS_CLONE3},
		{Code: answer, K: none},
	}
	for _, number := range list {
		f = append(f, unix.SockFilter{Code: equal, Jf: 1, K: number}, unix.SockFilter{Code: answer, K: not})
	}
	return append(f,
		unix.SockFilter{Code: equal, Jf: 3, K: unix.SYS_CLONE},
		unix.SockFilter{Code: load, K: atFirstArgument},
		unix.SockFilter{Code: bits, Jt: 1, K: unix.CLONE_THREAD},
		unix.SockFilter{Code: answer, K: not},
		unix.SockFilter{Code: load, K: atNumber},
		unix.SockFilter{Code: equal, Jf: 3, K: unix.SYS_TGKILL},
		unix.SockFilter{Code: load, K: atFirstArgument},
		unix.SockFilter{Code: equal, Jt: 1, K: uint32(os.Getpid())},
		unix.SockFilter{Code: answer, K: not},
		unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW},
	)
}
