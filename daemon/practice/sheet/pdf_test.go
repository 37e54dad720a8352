package sheet_test

import (
	"os"
	"path/filepath"
	"testing"

	"honnin/daemon/practice/sheet"
	"honnin/daemon/practice/sheet/sheettest"
)

func TestWriteOut(t *testing.T) {
	dir := os.Getenv("SHEETS")
	issue, err := sheettest.Issue()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sheettest.Samples() {
		l, err := sheet.Lay(s.Content, issue)
		if err != nil {
			t.Fatal(s.Name, err)
		}
		b := l.PDF(sheet.Tag{At: issue.At}, []byte(`{}`))
		t.Log(s.Name, l.Pages(), len(b))
		if dir != "" {
			os.WriteFile(filepath.Join(dir, s.Name+".pdf"), b, 0o600)
		}
	}
}
