package inspect

import "os"

// childName is the argv[0] by which a process knows that it is a child.
const childName = "honnind-inspect"

// IsChild reports whether this process was started by a [Pool]. main and TestMain ask before anything else.
func IsChild() bool { return len(os.Args) > 0 && os.Args[0] == childName }

// ChildMain confines the process, inspects the one document on standard input, reports on standard output
// and ends the process.
func ChildMain() { os.Exit(2) }
