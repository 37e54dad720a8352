package collector

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Severity is that of RFC 5424, table 2.
type Severity uint8

// The severities that an incident can have.
const (
	Alert    Severity = 1 // somebody must act at once
	Critical Severity = 2
	Error    Severity = 3
)

const facility = 16 // local0, RFC 5424, table 1

// message is one message of RFC 5424. Whatever it holds, [message.append] writes one that is well formed: what cannot stand in a
// field is left out of it or replaced, since an incident must not wait for ever because of a letter.
type message struct {
	severity Severity
	at       time.Time
	host     string // HOSTNAME
	app      string // APP-NAME
	id       string // MSGID
	data     []element
	text     string
}

// element is an SD-ELEMENT. Its name and those of its parameters are ours.
type element struct {
	id     string
	params []param
}

type param struct{ name, value string }

// append writes m behind b (RFC 5424, section 6).
func (m message) append(b []byte) []byte {
	b = fmt.Appendf(b, "<%d>1 %s %s %s - %s ", facility*8+int(m.severity&7), m.at.UTC().Format("2006-01-02T15:04:05Z"),
		field(m.host, 255), field(m.app, 48), field(m.id, 32))
	if len(m.data) == 0 {
		b = append(b, '-')
	}
	for _, e := range m.data {
		b = e.append(b)
	}
	if text := visible(m.text); text != "" {
		b = append(append(b, ' '), text...)
	}
	return b
}

func (e element) append(b []byte) []byte {
	b = append(append(b, '['), e.id...)
	for _, p := range e.params {
		b = fmt.Appendf(b, ` %s="%s"`, p.name, escaped(visible(p.value)))
	}
	return append(b, ']')
}

// field is a header's field of printable US-ASCII, or "-", which is none.
func field(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(most, len(s))]
}

// visible is a text of at most maxValue bytes of printable US-ASCII: our words, codes and digests are nothing else.
func visible(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(maxValue, len(s))]
}

const maxValue = 1024 // bytes; every syslog receiver takes messages of 2,048 (RFC 5425, section 4.3.1), most of 8,192

// escaped is a PARAM-VALUE (RFC 5424, section 6.3.3).
func escaped(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(s) }

// frame counts a message's octets before it (RFC 5425, section 4.3).
func frame(b, message []byte) []byte {
	b = strconv.AppendInt(b, int64(len(message)), 10)
	return append(append(b, ' '), message...)
}
