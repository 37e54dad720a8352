package touchtest

import (
	"fmt"
	"os"

	"github.com/chromedp/chromedp"
)

// Type types a text into the element.
func (b *Browser) Type(css, text string) {
	b.tb.Helper()
	b.Do("type into "+css, chromedp.SendKeys(chromedp.CSS(css), text))
}

// Upload names a file in a file input, as a person who picks it does.
func (b *Browser) Upload(css, file string) {
	b.tb.Helper()
	b.Do("pick a file for "+css, chromedp.SetUploadFiles(chromedp.CSS(css), []string{file}))
}

// Stranger returns what the page loaded from anywhere but the address that begins so.
func (b *Browser) Stranger(origin string) []string {
	b.tb.Helper()
	return Eval[[]string](b, fmt.Sprintf(`performance.getEntriesByType("resource").map((e) => e.name).filter((n) => !n.startsWith(%s))`, quote(origin+"/")))
}

// Axe runs axe-core over the page, where HONNIN_AXE names its axe.min.js (npm's axe-core); it returns what that objects to.
func (b *Browser) Axe() []string {
	b.tb.Helper()
	path := os.Getenv("HONNIN_AXE")
	if path == "" {
		return nil
	}
	script, err := os.ReadFile(path)
	if err != nil {
		b.tb.Fatal(err)
	}
	Eval[bool](b, string(script)+";true")
	return Eval[[]string](b, `axe.run(document).then((r) => !r.passes.length ? ["it checked nothing"] : r.violations.flatMap((v) => v.nodes.map((n) => v.id + " " + n.target)))`)
}
