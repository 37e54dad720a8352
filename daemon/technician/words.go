package technician

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"

	"honnin/config/policy/signed"
	"honnin/daemon/identity"
	"honnin/drivers/attached"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// dotted is a command's name as one word.
func dotted(command string) string { return strings.ReplaceAll(command, " ", ".") }

// wordOf is an error in one word. Its text is not repeated.
func wordOf(err error) string {
	var refused *signed.Refusal
	var key *identity.Refusal
	var failed *console.Failure
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return string(refused.Code)
	case errors.As(err, &key):
		return string(key.Code)
	case errors.As(err, &failed):
		return string(failed.Code)
	}
	for _, k := range []struct {
		err  error
		word string
	}{
		{errSilent, "not-answering"}, {errNoRoot, noRoot}, {attached.ErrNoBus, "no-usb"}, {errNotRoot, "wants-root"}, {errNoProgram, "no-program"}, {journal.ErrDamaged, "damaged"}, {journal.ErrFormat, "other-version"}, {journal.ErrInUse, "in-use"},
		{os.ErrNotExist, "missing"}, {os.ErrPermission, "not-permitted"}, {context.DeadlineExceeded, "too-slow"}, {context.Canceled, "cancelled"},
	} {
		if errors.Is(err, k.err) {
			return k.word
		}
	}
	return "failed"
}

// reasonOf is why a command failed, in one word.
func reasonOf(err error) string {
	if failed := (*console.Failure)(nil); errors.As(err, &failed) && failed.Why != "" {
		return failed.Why
	}
	return wordOf(err)
}

var anyWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,63}$`) })

// word is a value for a word that may be missing.
func word[S ~string](s S) console.Value {
	if s == "" {
		return console.None()
	}
	return console.Word(plainWord(s))
}

// plainWord is a word as it is, or "other" where it is none: a device's may be anything.
func plainWord[S ~string](s S) S {
	if s != "" && !anyWord().MatchString(string(s)) {
		return "other"
	}
	return s
}

// name is a value for a name that may be missing.
func name[S ~string](s S) console.Value {
	if s == "" {
		return console.None()
	}
	return console.Name(s)
}

// count is a value for a number of which 0 means that there is none.
func count[N ~int | ~int64 | ~uint64 | ~uint32](n N) console.Value {
	if n == 0 {
		return console.None()
	}
	return console.Number(n)
}
