package sheet

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"honnin/config/protocol"
)

// A page that went through a file is bound as the page itself.
func TestPageImage(t *testing.T) {
	issue := testIssue(t)
	l, err := Lay(household(9), issue)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1700000000, 0)
	pages := l.Tagged(Tag{Subject: protocol.SubjectHash{1}, Transaction: protocol.Transaction{2}, At: at})
	var read []Page
	for _, p := range pages {
		q, err := ReadImage(p.Image(), issue.Office)
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, q)
	}
	if len(read) < 2 || !bytes.Equal(Bind(read, at, []byte("{}")), Bind(pages, at, []byte("{}"))) {
		t.Error("the document is another one")
	}
	short := pages[0].Image()[:tagSize+int(numFonts)*glyphSize-1]
	if _, err := ReadImage(short, issue.Office); !errors.Is(err, ErrContent) {
		t.Error(err)
	}
}
