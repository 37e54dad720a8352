package inspect

import "os"

const badChild = "honnind-inspect-test"

func misbehave(string) { os.Exit(1) }
