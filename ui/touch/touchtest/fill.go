package touchtest

import (
	"fmt"

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
