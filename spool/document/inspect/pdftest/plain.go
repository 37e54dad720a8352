package pdftest

import (
	"fmt"
	"strings"
)

// Plain is a PDF as a vendor's renderer may write it: pages with a line on each, no statement and no tags.
func Plain(pages int) []byte {
	var b strings.Builder
	var at []int
	object := func(body string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), body)
	}
	b.WriteString("%PDF-1.4\n")
	object("<</Type/Catalog/Pages 2 0 R>>")
	kids := ""
	for n := range pages {
		kids += fmt.Sprintf("%d 0 R ", 3+2*n)
	}
	object(fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]/MediaBox[0 0 595 842]>>", pages, kids))
	for n := range pages {
		object(fmt.Sprintf("<</Type/Page/Parent 2 0 R/Resources<<>>/Contents %d 0 R>>", 4+2*n))
		c := "0 0 m 100 100 l S"
		object(fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(c), c))
	}
	x := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, x)
	return []byte(b.String())
}
