package inspect

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"honnin/spool/document/inspect/pdftest"
	"honnin/testdata/vectors"
)

// seeds adds every small document of the tables and of the vectors.
func seeds(f *testing.F) {
	const small = 16 << 10
	for _, change := range accepted {
		d := good(2)
		change(d)
		if b := d.Bytes(); len(b) < small {
			f.Add(b)
		}
	}
	for _, group := range [][]broken{frameFaults, syntaxFaults, activeFaults, treeFaults, pageFaults, fontFaults, statementFaults, tagFaults} {
		for _, x := range group {
			if b := x.make(); len(b) < small {
				f.Add(b)
			}
		}
	}
	all, err := vectors.All()
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range all {
		pkg, err := v.Package()
		if err != nil {
			f.Fatal(err)
		}
		i, j := bytes.Index(pkg, []byte("%PDF-")), bytes.LastIndex(pkg, []byte("%%EOF"))
		if i >= 0 && j > i && j-i < small && bytes.HasPrefix([]byte(v.Name), []byte("pdf-")) {
			f.Add(pkg[i : j+6])
		}
	}
}

// FuzzFrame: a file that the scan of the frame accepts, as it came or with its table put right, has one frame in the
// eyes of somebody who only looks for words.
func FuzzFrame(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, pdf []byte) {
		for _, b := range [][]byte{pdf, pdftest.Refit(pdf)} {
			if f, err := parse(b); err == nil {
				if err := oneFrame(b, f); err != nil {
					t.Fatalf("%v in %q", err, b)
				}
			}
		}
	})
}

var (
	theEnd = regexp.MustCompile(`[\r\n]startxref\s+(\d+)\s+%%EOF[\r\n]*$`)
	aStart = regexp.MustCompile(`^(\d+)[\s\x00]+(\d+)[\s\x00]+obj`)
	before = regexp.MustCompile(`stream\r?\n$`)
	after  = regexp.MustCompile(`^(\r\n|\r|\n)?endstream`)
	aWord  = regexp.MustCompile(`^[^\s\x00()<>\[\]{}/%]+`)
)

// oneFrame holds what parse says of b against b, by other means: cut out the streams, count words.
func oneFrame(b []byte, f *file) error {
	text, at, streams := []byte(nil), 0, 0
	for _, o := range f.ordered {
		if m := aStart.FindSubmatch(b[o.at:]); m == nil || string(m[1]) != strconv.Itoa(o.num) && m[1][0] != '0' {
			return fmt.Errorf("object %d is not at %d", o.num, o.at)
		}
		if s := o.span; s[1] > 0 {
			if !before.Match(b[:s[0]]) || !after.Match(b[s[1]:]) || s[0] < at {
				return fmt.Errorf("object %d's stream is not between its words", o.num)
			}
			text, at = append(append(text, b[at:s[0]]...), '\n'), s[1]
			streams++
		}
	}
	text = append(text, b[at:]...)
	if bytes.Count(text, []byte("startxref")) != 1 || bytes.Count(text, []byte("%%EOF")) != 1 {
		return fmt.Errorf("not one frame")
	}
	m := theEnd.FindSubmatch(b)
	if m == nil || !bytes.HasPrefix(b, []byte("%PDF-1.7")) {
		return fmt.Errorf("no frame")
	}
	if x, err := strconv.Atoi(string(m[1])); err != nil || !bytes.HasPrefix(b[x:], []byte("xref")) {
		return fmt.Errorf("startxref leads astray")
	}
	n := map[string]int{}
	for _, w := range words(text) {
		n[w]++
	}
	objects := len(f.ordered)
	if n["xref"] != 1 || n["trailer"] != 1 || n["startxref"] != 1 || n["obj"] != objects || n["endobj"] != objects || n["stream"] != streams || n["endstream"] != streams {
		return fmt.Errorf("%d objects, %d streams, words %v", objects, streams, n)
	}
	return nil
}

// words returns what stands in text outside comments, strings and names.
func words(text []byte) (out []string) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '%':
			for i < len(text) && text[i] != '\r' && text[i] != '\n' {
				i++
			}
		case c == '(':
			i = stringEnd(text, i)
		case c == '<' && i+1 < len(text) && text[i+1] != '<':
			for i < len(text) && text[i] != '>' {
				i++
			}
		case c == '<':
			i += 2
		case c == '/':
			i += 1 + len(aWord.Find(text[i+1:]))
		default:
			w := aWord.Find(text[i:])
			if w != nil {
				out = append(out, string(w))
			}
			i += max(1, len(w))
		}
	}
	return out
}

// stringEnd returns the index behind the string that begins at i.
func stringEnd(text []byte, i int) int {
	depth := 0
	for ; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

// TestRefit: an edit alone breaks the frame, and refitted it stands.
func TestRefit(t *testing.T) {
	b := bytes.Replace(good(2).Bytes(), []byte("(honnin test)"), []byte("(somebody else)"), 1)
	if _, err := parse(b); err == nil {
		t.Error("the edit breaks nothing")
	}
	if facts := Document(pdftest.Refit(b)); len(facts.Findings) != 0 {
		t.Errorf("%v", facts.Findings)
	}
}

// TestOneFrame: the fuzz's own eye sees what it must.
func TestOneFrame(t *testing.T) {
	b := good(1).Bytes()
	f, err := parse(b)
	if err != nil || oneFrame(b, f) != nil {
		t.Fatal(err, oneFrame(b, f))
	}
	info, _, _ := bytes.Cut(b, []byte("/Producer"))
	for _, word := range []string{"startxref", "%%EOF\n", "xref ", "9 0 obj ", "trailer "} {
		worse := append(append(append([]byte{}, info...), word...), b[len(info)+len(word):]...)
		if oneFrame(worse, f) == nil {
			t.Errorf("%q is overlooked", word)
		}
	}
}
