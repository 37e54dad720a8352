package pdftest

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
)

var (
	streamText  = regexp.MustCompile(`(?s)/Length \d+ >>\s*stream\n(.*?)\nendstream`)
	lengthText  = regexp.MustCompile(`^/Length \d+`)
	objectStart = regexp.MustCompile(`(?m)^(\d{1,4}) (\d{1,5}) obj\b`)
	sizeText    = regexp.MustCompile(`/Size \d+`)
)

// Refit puts the frame right around a file of this package's form that was edited as text: the direct lengths of its
// streams, the table, /Size and startxref. A careful forger would, and a mutant comes further with it. Without a table
// it returns what it was given.
func Refit(pdf []byte) []byte {
	table, trailer := bytes.LastIndex(pdf, []byte("\nxref\n"))+1, bytes.LastIndex(pdf, []byte("trailer"))
	end := bytes.LastIndex(pdf, []byte("startxref"))
	if table == 0 || trailer < table || end < trailer {
		return pdf
	}
	out := streamText.ReplaceAllFunc(pdf[:table:table], func(s []byte) []byte {
		data := streamText.FindSubmatch(s)[1]
		return lengthText.ReplaceAll(s, fmt.Appendf(nil, "/Length %d", len(data)))
	})
	at := len(out)
	entries := []string{"0000000000 65535 f \n"}
	for _, m := range objectStart.FindAllSubmatchIndex(out, -1) {
		n, _ := strconv.Atoi(string(out[m[2]:m[3]]))
		g, _ := strconv.Atoi(string(out[m[4]:m[5]]))
		for len(entries) <= n {
			entries = append(entries, "0000000000 00000 f \n")
		}
		entries[n] = fmt.Sprintf("%010d %05d n \n", m[0], g)
	}
	out = fmt.Appendf(out, "xref\n0 %d\n", len(entries))
	for _, e := range entries {
		out = append(out, e...)
	}
	out = append(out, sizeText.ReplaceAll(pdf[trailer:end], fmt.Appendf(nil, "/Size %d", len(entries)))...)
	return fmt.Appendf(out, "startxref\n%d\n%%%%EOF\n", at)
}
