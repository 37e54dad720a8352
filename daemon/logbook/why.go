package logbook

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/config/reason"
	"honnin/daemon/centre"
	"honnin/daemon/identity"
	"honnin/drivers/card"
	"honnin/drivers/printer"
	"honnin/spool/incident"
)

// Why is what is constant in an error, as at most five words: codes, texts of this program's sentinels, the system's error number,
// types. The error's own text is not looked at, but to find it among those. It is "" for no error.
func Why(err error) string {
	if err == nil {
		return ""
	}
	var words []string
	gather(err, &words)
	words = slices.Compact(words)
	for len(words) > 1 && (len(words) > 5 || len(strings.Join(words, ",")) > 64) {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return "failed"
	}
	return strings.Join(words, ",")
}

// gather walks down an error, the outermost first.
func gather(err error, words *[]string) {
	if w := word(err); w != "" && fits("word", w) && len(*words) < 8 {
		*words = append(*words, w)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if below := e.Unwrap(); below != nil {
			gather(below, words)
		}
	case interface{ Unwrap() []error }:
		for _, below := range e.Unwrap() {
			gather(below, words)
		}
	}
}

// word is what one error of a tree says by itself.
func word(err error) string {
	switch e := err.(type) {
	case *reason.Error:
		return string(e.Code)
	case *signed.Refusal:
		return string(e.Code)
	case *identity.Refusal:
		return string(e.Code)
	case *printer.Fault:
		return e.Reason
	case *centre.Problem:
		return e.Word
	case incident.Doubt:
		return string(e)
	case *card.StatusError:
		return fmt.Sprintf("sw-%04X", e.SW)
	case syscall.Errno:
		return unix.ErrnoName(e)
	case tls.AlertError:
		return fmt.Sprintf("tls-alert-%d", e)
	}
	return other(err)
}

// other is the word of a sentinel, or of a type that has nothing below it.
func other(err error) string {
	if sentinels()[err.Error()] {
		return sluggish(err.Error())
	}
	var slow net.Error
	kind := strings.TrimLeft(fmt.Sprintf("%T", err), "*")
	_, joined := err.(interface{ Unwrap() []error })
	switch {
	case joined || errors.Unwrap(err) != nil:
		return ""
	case errors.As(err, &slow) && slow.Timeout():
		return "timeout"
	case kind == "errors.errorString" || kind == "fmt.wrapError":
		return ""
	}
	return strings.ToLower(kind)
}

// sluggish makes one word of a text: "usb: no permission" is "usb-no-permission".
func sluggish(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }), "-")
}

// sentinels are texts of this program's errors that tell a technician something.
var sentinels = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, s := range texts() {
		out[s] = true
	}
	return out
})

func texts() []string {
	return []string{
		"card: the PIN is blocked", "card: no reader", "card: no card on the reader", "card: the card does not answer a reset", "card: the reader is in use",
		"pcsc: pcscd is not there", "pcsc: the card was reset by another program", "pcsc: the reader does not come back from an earlier call",
		"ccid: the reader's descriptor", "ccid: the reader does not keep to its protocol", "ccid: the reader does not answer", "ccid: the reader reports a hardware error",
		"usb: this machine has no USB", "usb: the device is gone", "usb: the endpoint is stalled", "usb: the interface is in use", "usb: no permission",
		"usb: the transfer was given up", "usb: the device sent more than was asked for", "usb: the transfer failed", "usb: the interface is closed", "usb: bad descriptors",
		"centre: no whole answer", "centre: the answer breaks the protocol", "centre: the transaction is cancelled", "centre: the clocks disagree",
		"centre: the receipt is not believed", "sealed: no room", "the printer's certificate is not the pinned one",
		"terminal: the file owed cannot be read", "terminal: the policy requires a reader with a PIN pad", "terminal: the centre wants a version of the policy that is out of all proportion",
		"the policy in force leaves this terminal without it", "context canceled",
	}
}
