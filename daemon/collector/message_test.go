package collector

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// parsed is a message as a strict reader of RFC 5424, section 6, understands it.
type parsed struct {
	pri               int
	at, host, app, id string
	data              map[string]map[string]string
	text              string
	elements          int
}

// parse is written from the grammar alone. It takes what we may write: US-ASCII, no PROCID.
func parse(s string) (p parsed, err error) {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return p, errors.New("not printable US-ASCII")
	}
	head := strings.SplitN(s, " ", 7)
	if len(head) != 7 || head[4] != "-" {
		return p, errors.New("header")
	}
	pri, ok := strings.CutPrefix(head[0], "<")
	pri, version, cut := strings.Cut(pri, ">")
	if p.pri, err = strconv.Atoi(pri); !ok || !cut || version != "1" || err != nil || p.pri > 191 || strconv.Itoa(p.pri) != pri {
		return p, errors.New("PRI and VERSION")
	}
	p.at, p.host, p.app, p.id = head[1], head[2], head[3], head[5]
	if _, err := time.Parse(time.RFC3339, p.at); err != nil {
		return p, err
	}
	for _, f := range []struct {
		value string
		most  int
	}{{p.host, 255}, {p.app, 48}, {p.id, 32}} {
		if f.value == "" || len(f.value) > f.most {
			return p, fmt.Errorf("field %q", f.value)
		}
	}
	return p, p.structured(head[6])
}

func (p *parsed) structured(s string) error {
	p.data = map[string]map[string]string{}
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return p.message(rest)
	}
	for strings.HasPrefix(s, "[") {
		id, rest, err := p.element(s[1:])
		if err != nil {
			return err
		}
		if p.elements++; len(p.data) != p.elements {
			return errors.New("an SD-ID stands twice: " + id)
		}
		s = rest
	}
	return p.message(s)
}

func (p *parsed) message(s string) error {
	text, ok := strings.CutPrefix(s, " ")
	if s != "" && !ok || p.elements == 0 && strings.HasPrefix(s, "[") {
		return errors.New("no space before MSG")
	}
	p.text = text
	return nil
}

func (p *parsed) element(s string) (id, rest string, err error) {
	i := strings.IndexAny(s, " ]")
	if i <= 0 || i > 32 || strings.ContainsAny(s[:i], `="`) {
		return "", "", errors.New("SD-ID")
	}
	id, s = s[:i], s[i:]
	p.data[id] = map[string]string{}
	for strings.HasPrefix(s, " ") {
		name, value, ok := strings.Cut(s[1:], `="`)
		if !ok || name == "" || len(name) > 32 || strings.ContainsAny(name, ` ]"=`) {
			return "", "", errors.New("SD-NAME")
		}
		var b strings.Builder
		for i = 0; ; i++ {
			if i >= len(value) || value[i] == ']' {
				return "", "", errors.New("PARAM-VALUE")
			}
			if value[i] == '"' {
				break
			}
			if value[i] == '\\' {
				if i++; i >= len(value) || !strings.ContainsRune(`"\]`, rune(value[i])) {
					return "", "", errors.New("an escape")
				}
			}
			b.WriteByte(value[i])
		}
		p.data[id][name] = b.String()
		s = value[i+1:]
	}
	rest, ok := strings.CutPrefix(s, "]")
	if !ok {
		return "", "", errors.New("the end of an SD-ELEMENT")
	}
	return id, rest, nil
}

func TestMessage(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 4, 5, 6, time.FixedZone("", 9*3600))
	m := message{Critical, at, "JP-14-000007", "honnind", "incident",
		[]element{{sdID, []param{{"word", "subject-mismatch"}, {"where", `a"b]c\d` + "\n\u3042"}}}, {"origin", nil}}, "incident subject-mismatch"}
	want := `<130>1 2026-11-21T18:04:05Z JP-14-000007 honnind - incident [incident@32473 word="subject-mismatch" where="a\"b\]c\\d??"][origin] incident subject-mismatch`
	if got := string(m.append(nil)); got != want {
		t.Errorf("%s\n%s", got, want)
	}
	if got := string(message{at: at}.append(nil)); got != `<128>1 2026-11-21T18:04:05Z - - - - -` {
		t.Error(got)
	}
	if got := string(frame([]byte("1 x"), []byte("ab c"))); got != "1 x4 ab c" {
		t.Error(got)
	}
}

// FuzzMessage: whatever is in a message, a strict reader of the grammar takes it, and reads the same values.
func FuzzMessage(f *testing.F) {
	f.Add("T-1", "honnind", "incident", "word", `a"]\`, "text", uint8(2))
	f.Add("", "", "", "\n", "\xff", "[", uint8(255))
	f.Add(" ", strings.Repeat("a", 300), strings.Repeat("b", 33), strings.Repeat(`\`, 5000), "=]\" x", " two  spaces ", uint8(7))
	f.Fuzz(func(t *testing.T, host, app, id, one, two, text string, severity uint8) {
		m := message{Severity(severity), time.Unix(1, 0), host, app, id, []element{{sdID, []param{{"a", one}, {"b", two}}}, {"origin", nil}}, text}
		b := string(m.append(nil))
		p, err := parse(b)
		if err != nil {
			t.Fatalf("%v: %q", err, b)
		}
		if p.data[sdID]["a"] != visible(one) || p.data[sdID]["b"] != visible(two) || p.text != visible(text) || len(p.data) != 2 || len(p.data[sdID]) != 2 {
			t.Fatalf("%q says %+v", b, p)
		}
		if p.pri/8 != facility || p.pri%8 != int(severity%8) || len(b) > 8192 {
			t.Fatalf("%d, %d bytes", p.pri, len(b))
		}
	})
}
