package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// harden keeps what is in memory in memory (law 3): no core file, no reading by another process of the same user,
// no swapping. What the machine does not allow is said, and is no reason not to start.
func harden(log logrus.FieldLogger) error {
	if strings.Contains(os.Getenv("GODEBUG"), "http2debug") {
		return usage("the environment (GODEBUG) asks for http2debug: it would write certificates and signatures to the log")
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("no core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("not dumpable: %w", err)
	}
	// MCL_ONFAULT: only pages in use are locked, not the address space that the Go runtime reserves.
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		log.WithError(err).Warn("memory may be swapped out: no right to lock it")
	}
	return nil
}
