package ipp

import (
	"fmt"
	"strings"
	"testing"

	"honnin/drivers/printer"

	"github.com/OpenPrinting/goipp"
)

func FuzzAnswer(f *testing.F) {
	for _, m := range []*goipp.Message{(&fake{printer: honest()}).answer(goipp.NewRequest(goipp.DefaultVersion, goipp.OpGetPrinterAttributes, 1), nil)} {
		b, err := m.EncodeBytes()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x01\x02\x34\x00\x01a\x00\x00\x4a\x00\x00\x00\x01m\x21\x00\x00\x00\x04\x00\x00\x00\x01\x37\x00\x00\x00\x00\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseAnswer(b)
		if err != nil {
			return
		}
		for _, tag := range []goipp.Tag{goipp.TagJobGroup, goipp.TagPrinterGroup} {
			for _, g := range groups(m, tag) {
				for _, rule := range rules {
					_ = rule(g)
				}
				if d := description(g); len(d.Supplies) > printer.Most || len(d.Reasons) > printer.Most || strings.ContainsFunc(fmt.Sprintf("%+v", d), func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Fatalf("shown: %+v", d)
				}
				if j, err := readFacts(g); err == nil && (j.completed.n < 0 || j.number < 1) {
					t.Fatalf("believed %+v", j)
				}
			}
		}
	})
}
