package inspect

import (
	"bytes"
	"math"
	"strconv"

	"honnin/config/reason"
)

const (
	maxDepth  = 64      // of arrays and dictionaries inside one object
	maxValues = 1 << 20 // values in one document, so that 16 MiB of "[" or "0 " stay a bounded amount of memory
)

func malformed(format string, args ...any) error {
	return reason.Errorf(reason.PDFMalformed, format, args...)
}

// lexer reads PDF syntax (ISO 32000-1, 7.2 and 7.3) from b, moving i forward only: it is linear in len(b).
type lexer struct {
	b     []byte
	i     int
	depth int
	left  *int // values still allowed in this document
}

// Classes of characters, ISO 32000-1, tables 1 and 2.
const (
	regular = iota
	white
	delimiter
)

var class = func() (t [256]uint8) {
	for _, c := range "\x00\t\n\f\r " {
		t[c] = white
	}
	for _, c := range "()<>[]{}/%" {
		t[c] = delimiter
	}
	return
}()

// space skips white space and comments.
func (l *lexer) space() {
	for l.i < len(l.b) {
		switch c := l.b[l.i]; {
		case class[c] == white:
			l.i++
		case c == '%':
			if n := bytes.IndexAny(l.b[l.i:], "\r\n"); n >= 0 {
				l.i += n
			} else {
				l.i = len(l.b)
			}
		default:
			return
		}
	}
}

// word returns the run of regular characters at i without moving.
func (l *lexer) word() []byte {
	j := l.i
	for j < len(l.b) && class[l.b[j]] == regular {
		j++
	}
	return l.b[l.i:j]
}

// keyword skips space and consumes the word w, or reports false and stays.
func (l *lexer) keyword(w string) bool {
	l.space()
	if !bytes.HasPrefix(l.b[l.i:], []byte(w)) {
		return false
	}
	if e := l.i + len(w); e < len(l.b) && class[l.b[e]] == regular {
		return false
	}
	l.i += len(w)
	return true
}

// natural skips space and consumes an unsigned decimal of at most 10 digits, or reports false.
func (l *lexer) natural() (int, bool) {
	l.space()
	w := l.word()
	if len(w) == 0 || len(w) > 10 {
		return 0, false
	}
	n := 0
	for _, c := range w {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	l.i += len(w)
	return n, true
}

// value parses one value; references are recognised by looking two words ahead.
func (l *lexer) value() (any, error) {
	if *l.left--; *l.left < 0 {
		return nil, malformed("more than %d values", maxValues)
	}
	l.space()
	if l.i >= len(l.b) {
		return nil, malformed("the file ends inside an object")
	}
	switch c := l.b[l.i]; c {
	case '/':
		return l.name()
	case '(':
		return l.literal()
	case '[':
		return l.nested(l.array)
	case '<':
		if bytes.HasPrefix(l.b[l.i:], []byte("<<")) {
			return l.nested(l.dict)
		}
		return l.hex()
	default:
		if class[c] == delimiter {
			return nil, malformed("stray delimiter at byte %d", l.i)
		}
		return l.simple()
	}
}

func (l *lexer) nested(parse func() (any, error)) (any, error) {
	if l.depth++; l.depth > maxDepth {
		return nil, malformed("arrays and dictionaries nest deeper than %d", maxDepth)
	}
	v, err := parse()
	l.depth--
	return v, err
}

// simple parses null, a boolean, a number or a reference.
func (l *lexer) simple() (any, error) {
	at, w := l.i, l.word()
	l.i += len(w)
	switch string(w) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	if c := w[0]; c >= '0' && c <= '9' {
		if r, ok := l.reference(at); ok {
			return r, nil
		}
	}
	return parseNumber(w, at)
}

// reference tries "n g R" from at; when it is none, i stays behind the first word.
func (l *lexer) reference(at int) (ref, bool) {
	k := lexer{b: l.b, i: at}
	num, ok := k.natural()
	if !ok {
		return ref{}, false
	}
	gen, ok := k.natural()
	if !ok || !k.keyword("R") {
		return ref{}, false
	}
	l.i = k.i
	return ref{num, gen}, true
}

func parseNumber(w []byte, at int) (any, error) {
	digits, dots := 0, 0
	for i, c := range w {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			dots++
		case (c == '+' || c == '-') && i == 0:
		default:
			return nil, malformed("neither a value nor a number at byte %d", at)
		}
	}
	if digits == 0 || dots > 1 || len(w) > 32 {
		return nil, malformed("malformed number at byte %d", at)
	}
	if dots == 0 {
		n, err := strconv.ParseInt(string(w), 10, 64)
		if err != nil || n > math.MaxUint32 || n < math.MinInt32 {
			return nil, malformed("number out of range at byte %d", at)
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(string(w), 64)
	if err != nil {
		return nil, malformed("malformed number at byte %d", at)
	}
	return f, nil
}

func (l *lexer) array() (any, error) {
	l.i++
	a := array{}
	for {
		l.space()
		if l.i < len(l.b) && l.b[l.i] == ']' {
			l.i++
			return a, nil
		}
		v, err := l.value()
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
}

func (l *lexer) dict() (any, error) {
	at := l.i
	l.i += 2
	d := &dict{}
	for {
		l.space()
		if bytes.HasPrefix(l.b[l.i:], []byte(">>")) {
			l.i += 2
			return d, nil
		}
		if l.i >= len(l.b) || l.b[l.i] != '/' {
			return nil, malformed("dictionary at byte %d: a key is not a name", at)
		}
		k, err := l.name()
		if err != nil {
			return nil, err
		}
		v, err := l.value()
		if err != nil {
			return nil, err
		}
		if !d.add(k, v) {
			return nil, malformed("dictionary at byte %d: the same key twice", at)
		}
	}
}

// name parses a name with its #xx escapes.
func (l *lexer) name() (name, error) {
	at := l.i
	l.i++
	w := l.word()
	l.i += len(w)
	if bytes.IndexByte(w, '#') < 0 {
		return name(w), nil
	}
	out := make([]byte, 0, len(w))
	for i := 0; i < len(w); i++ {
		c := w[i]
		if c == '#' {
			if i+2 >= len(w) || unhex(w[i+1]) < 0 || unhex(w[i+2]) < 0 {
				return "", malformed("malformed name at byte %d", at)
			}
			if c = byte(unhex(w[i+1])<<4 | unhex(w[i+2])); c == 0 {
				return "", malformed("malformed name at byte %d", at)
			}
			i += 2
		}
		out = append(out, c)
	}
	return name(out), nil
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// hex parses <…>; an odd last digit stands for itself and 0.
func (l *lexer) hex() (text, error) {
	at := l.i
	end := bytes.IndexByte(l.b[at:], '>')
	if end < 0 {
		return nil, malformed("hexadecimal string at byte %d has no end", at)
	}
	l.i = at + end + 1
	out, high, odd := make(text, 0, end/2), 0, false
	for _, c := range l.b[at+1 : at+end] {
		if class[c] == white {
			continue
		}
		h := unhex(c)
		if h < 0 {
			return nil, malformed("malformed hexadecimal string at byte %d", at)
		}
		if odd {
			out = append(out, byte(high<<4|h))
		}
		high, odd = h, !odd
	}
	if odd {
		out = append(out, byte(high<<4))
	}
	return out, nil
}

// literal parses (…) with balanced parentheses and escapes.
func (l *lexer) literal() (text, error) {
	at, open := l.i, 1
	out := text{}
	for l.i++; l.i < len(l.b); l.i++ {
		switch c := l.b[l.i]; c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				l.i++
				return out, nil
			}
		case '\r': // a line end inside a string is one LF
			if l.i+1 < len(l.b) && l.b[l.i+1] == '\n' {
				l.i++
			}
			out = append(out, '\n')
			continue
		case '\\':
			out = l.escape(out)
			continue
		}
		out = append(out, l.b[l.i])
	}
	return nil, malformed("string at byte %d has no end", at)
}

var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f'}

// escape reads what follows the backslash at i and leaves i on its last byte.
func (l *lexer) escape(out text) text {
	if l.i++; l.i >= len(l.b) {
		return out
	}
	c := l.b[l.i]
	switch {
	case c == '\r' && l.i+1 < len(l.b) && l.b[l.i+1] == '\n':
		l.i++
		return out
	case c == '\r' || c == '\n':
		return out
	case c >= '0' && c <= '7':
		v := int(c - '0')
		for k := 0; k < 2 && l.i+1 < len(l.b) && l.b[l.i+1] >= '0' && l.b[l.i+1] <= '7'; k++ {
			l.i++
			v = v<<3 | int(l.b[l.i]-'0')
		}
		return append(out, byte(v))
	}
	if e, ok := escapes[c]; ok {
		c = e
	}
	return append(out, c)
}
