package touch

import (
	"fmt"
	"strings"
	"testing"

	"honnin/ui/touch/touchtest"
)

// sampleScreens: every screen of a test says in both languages that it is one, and still fits; no other does.
func sampleScreens(t *testing.T, chromium *touchtest.Browser) {
	for _, size := range sizes {
		h, b := newHarness(t, nil), chromium.Tab(t, size.w, size.h)
		b.Open(h.url + h.srv.EntryPath())
		for _, lang := range []string{"ja", "en"} {
			for _, n := range Names() {
				for _, is := range []bool{true, false} {
					s := sample(n)
					s.Sample = is
					h.srv.Show(s)
					b.WaitScreen(string(n))
					b.Language(lang)
					b.Wait(fmt.Sprintf(`!!document.querySelector(".sample") === %t`, is))
					said := touchtest.Eval[string](b, `document.querySelector("header").innerText`)
					if strings.Contains(said, "点検中・見本") != is || strings.Contains(said, "Service test · sample") != is {
						t.Errorf("%s (%s), a test: %t: %q", n, lang, is, said)
					}
					if is {
						touchtest.Eval[bool](b, `document.fonts.ready.then(() => true)`)
						b.Shot(fmt.Sprintf("sample-%s-%s-%d", n, lang, size.w))
						check(t, b, lang, string(n))
					}
				}
			}
		}
	}
}
