package printer

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// ErrSelector is returned by [ParseSelector].
var ErrSelector = errors.New("which printer on USB? (want nothing, VENDOR:PRODUCT in hex, or a port as 1-2.3)")

// Selector says which printer on USB is meant. The zero value is the only one.
type Selector struct {
	ID   string // vendor and product, "03f0:0c17"
	Port string // "1-2.3"
}

// String is what [ParseSelector] reads.
func (s Selector) String() string { return s.ID + s.Port }

var selectorForms = sync.OnceValues(func() (id, port *regexp.Regexp) {
	return regexp.MustCompile(`^[0-9a-f]{4}:[0-9a-f]{4}$`), regexp.MustCompile(`^[1-9][0-9]{0,2}-[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,6}$`)
})

// ParseSelector reads "" (the only printer), "03f0:0c17" (vendor and product) or "1-2.3" (a port, which stays the same when
// the printer is exchanged).
func ParseSelector(s string) (Selector, error) {
	id, port := selectorForms()
	switch lower := strings.ToLower(s); {
	case s == "":
		return Selector{}, nil
	case id.MatchString(lower):
		return Selector{ID: lower}, nil
	case port.MatchString(s):
		return Selector{Port: s}, nil
	}
	return Selector{}, fmt.Errorf("%w: %s", ErrSelector, strconv.QuoteToASCII(s))
}
