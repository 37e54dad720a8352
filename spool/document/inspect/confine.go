package inspect

import (
	"strconv"
	"strings"
	"time"
)

// Confinement says what holds a child, as far as this kernel and this user grant it.
type Confinement uint16

// What can hold a child.
const (
	Limits        Confinement = 1 << iota // memory, processor time, no core, no new descriptor, no file written
	NoNewRights                           // no_new_privs and not dumpable
	LandlockFiles                         // no file access at all
	LandlockNet                           // no TCP
	LandlockScope                         // no signal and no abstract socket outside
	AllThreads                            // Landlock holds every thread, not only the one that inspects
	Namespaces                            // user, network and IPC namespaces of its own; asked for where there is no filter
	Seccomp                               // no other program, process, socket or file, for every thread
)

var confinementNames = []string{"limits", "no-new-rights", "landlock-files", "landlock-net", "landlock-scope", "all-threads", "namespaces", "seccomp"}

// String lists what is in force.
func (c Confinement) String() string {
	var out []string
	for i, n := range confinementNames {
		if c&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return strings.Join(out, " ")
}

// bounds are a child's limits; they travel in its argv.
type bounds struct {
	memory uint64 // bytes
	cpu    uint64 // seconds
}

func (o Options) bounds() bounds {
	return bounds{o.Memory, uint64(max(1, (o.CPU+time.Second-1)/time.Second))}
}

func (b bounds) args() []string {
	return []string{strconv.FormatUint(b.memory, 10), strconv.FormatUint(b.cpu, 10)}
}

func parseBounds(args []string) (b bounds, ok bool) {
	if len(args) < 2 {
		return b, false
	}
	var err1, err2 error
	b.memory, err1 = strconv.ParseUint(args[len(args)-2], 10, 64)
	b.cpu, err2 = strconv.ParseUint(args[len(args)-1], 10, 64)
	return b, err1 == nil && err2 == nil && b.cpu > 0 && b.memory > 0
}
