// Package touchtest drives the applicant's screens in a real Chromium, for tests.
//
// Everything waits on the page itself (a MutationObserver, or the node that is to be pressed), never on a clock;
// only the whole test's deadline ends a wait. A missing Chromium skips the test, and fails it where CI=true.
// Whatever the page complains of (an exception, a console error, a breach of the content policy) fails the test at
// its end, unless the test takes it ([Browser.Complaints]) or has said that it comes ([Browser.Expect]), or the page is
// not ours ([Browser.Foreign]).
package touchtest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Limit bounds one wait. It is generous: it only ever ends a test that fails.
const Limit = 45 * time.Second

// Browser is one tab.
type Browser struct {
	tb  testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	expected   []string // words of complaints that are none
	foreign    bool
	news       chan struct{} // a complaint has come
}

// Start starts a Chromium with one empty tab of the given size in CSS pixels. It ends with the test.
func Start(tb testing.TB, width, height int) *Browser {
	tb.Helper()
	path := find(tb)
	home, err := os.MkdirTemp("", "chromium")
	if err != nil {
		tb.Fatal(err)
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options(path, home)...)
	ctx, closeTab := chromedp.NewContext(alloc)
	tb.Cleanup(func() { closeTab(); stop(); _ = os.RemoveAll(home) }) // its children outlive it for a moment, and may write there
	return tab(tb, ctx, width, height)
}

// Another is [Browser.Tab] for the same test.
func (b *Browser) Another(width, height int) *Browser {
	b.tb.Helper()
	return b.Tab(b.tb, width, height)
}

// Tab opens one more tab of the same browser, for tb: it shares the cookies, and saves a start of a second.
func (b *Browser) Tab(tb testing.TB, width, height int) *Browser {
	tb.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	tb.Cleanup(closeTab)
	return tab(tb, ctx, width, height)
}

func tab(tb testing.TB, ctx context.Context, width, height int) *Browser {
	tb.Helper()
	b := &Browser{tb: tb, ctx: ctx, news: make(chan struct{}, 1)}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(int64(width), int64(height), chromedp.EmulateTouch)); err != nil {
		tb.Fatalf("chromium: %v", err)
	}
	said := chromedp.Console(ctx)
	go b.listen(said)
	tb.Cleanup(func() {
		all := b.Complaints()
		if b.foreign {
			return
		}
		for _, c := range all {
			tb.Errorf("the page complains: %s", c)
		}
	})
	return b
}

func find(tb testing.TB) string {
	tb.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		tb.Fatal("chromium is missing (Debian package chromium)")
	}
	tb.Skip("chromium is missing (Debian package chromium)")
	return ""
}

// options keep the browser on this machine: it resolves no name, uses no proxy, fetches no component.
func options(path, home string) []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(filepath.Join(home, "profile")),
		chromedp.Env("HOME="+home),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
		chromedp.Flag("no-proxy-server", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("hide-scrollbars", false))
}

func (b *Browser) listen(said iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range said {
		if err != nil {
			return
		}
		if m.IsException() || m.Type == chromedp.ConsoleError {
			if !b.complain(m.String()) {
				continue
			}
			select {
			case b.news <- struct{}{}:
			default:
			}
		}
	}
}

// complain keeps a complaint, and reports false of one that is expected.
func (b *Browser) complain(said string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.ContainsFunc(b.expected, func(words string) bool { return strings.Contains(said, words) }) {
		return false
	}
	b.complaints = append(b.complaints, said)
	return true
}

// Expect says that complaints in these words are the test's own doing, however many there are and however late.
func (b *Browser) Expect(words string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, words)
}

// Before runs a script at the beginning of every page that is opened from now on.
func (b *Browser) Before(script string) {
	b.tb.Helper()
	b.Do("prepare pages", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return chromedp.Void{}, err
	})
}

// Complaints takes what the page complained of since the last call.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.complaints
	b.complaints = nil
	return c
}

// Foreign says that the tab is for somebody else's page: its complaints fail no test.
func (b *Browser) Foreign() { b.foreign = true }

// WaitComplaint waits until the page has complained in these words.
func (b *Browser) WaitComplaint(words string) {
	b.tb.Helper()
	late := time.NewTimer(Limit)
	defer late.Stop()
	for has := func(c string) bool { return strings.Contains(c, words) }; !slices.ContainsFunc(b.Complaints(), has); {
		select {
		case <-b.news:
		case <-late.C:
			b.tb.Fatalf("the page never complains of %q", words)
		}
	}
}

// Do runs actions, and fails the test if one fails.
func (b *Browser) Do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Limit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.tb.Fatalf("%s: %v; the page shows %s", what, err, b.shown())
	}
}

// Open loads url.
func (b *Browser) Open(url string) { b.tb.Helper(); b.Do("open "+url, chromedp.Navigate(url)) }

// Eval runs an expression in the page, and waits for it if it is a promise. T is what its value decodes to.
func Eval[T any](b *Browser, expression string) T {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Limit)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.tb.Fatalf("%s: %v", expression, err)
	}
	return v
}

// shown says what the page shows, for messages.
func (b *Browser) shown() string {
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + " " + (document.getElementById("picture")?.dataset.screen ?? "") + " " + document.title`))
	if err != nil {
		return "nothing"
	}
	return v
}

const watch = `new Promise((done) => {
  const look = () => { if (!(%s)) return false; seen.disconnect(); done(true); return true; };
  const seen = new MutationObserver(look);
  if (!look()) seen.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
})`

// Wait waits until a JavaScript condition over the page's DOM holds, across reloads.
func (b *Browser) Wait(condition string) {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Limit)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(watch, condition), chromedp.EvalAwaitPromise))
		if err == nil {
			return
		}
		if ctx.Err() != nil || strings.Contains(err.Error(), "Error:") {
			b.tb.Fatalf("waiting for %s: %v; the page shows %s", condition, err, b.shown())
		}
	}
}

// WaitScreen waits until the kiosk shows the screen with this name ("options" is the page of one offer).
func (b *Browser) WaitScreen(name string) {
	b.tb.Helper()
	b.Wait(fmt.Sprintf(`document.getElementById("picture")?.dataset.screen === %s && !document.body.classList.contains("lost")`, quote(name)))
}

// Click waits for the element to be visible and enabled, and clicks its middle as a finger would. A page may be drawn
// anew between the look and the press; then nothing was pressed, and it looks again.
func (b *Browser) Click(css string) {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Limit)
	defer cancel()
	for {
		err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible, chromedp.NodeEnabled))
		if err == nil {
			return
		}
		if ctx.Err() != nil || !drawnAnew(err) {
			b.tb.Fatalf("press %s: %v; the page shows %s", css, err, b.shown())
		}
	}
}

// drawnAnew reports whether an element was replaced before it could be pressed. Chromium's protocol has only words for it.
func drawnAnew(err error) bool {
	for _, words := range []string{"Could not find node", "No node with given id", "Node is detached", "Could not compute box model", "Node does not have a layout object"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// Press presses the button of an action: "yes", "cancel", "choose", …
func (b *Browser) Press(action string) {
	b.tb.Helper()
	b.Click(fmt.Sprintf(`[data-action=%q]`, action))
}

// EnterPIN presses the digits on the keypad and sends them.
func (b *Browser) EnterPIN(pin string) {
	b.tb.Helper()
	for _, d := range pin {
		b.Click(fmt.Sprintf(`[data-key="%c"]`, d))
	}
	b.Press("pin")
}

// Offer opens the options of an offer and waits for them.
func (b *Browser) Offer(id string) {
	b.tb.Helper()
	b.Click(fmt.Sprintf(`[data-offer=%q]`, id))
	b.WaitScreen("options")
}

// Language presses the language button and waits until the screen speaks the other language.
func (b *Browser) Language(l string) {
	b.tb.Helper()
	if Eval[string](b, `document.getElementById("picture").lang`) == l {
		return
	}
	b.Click(`[data-local="language"]`)
	b.Wait(fmt.Sprintf(`document.getElementById("picture")?.lang === %s`, quote(l)))
}

// Act presses a button of the practice panel, and Place puts a person's card on the reader (page "/").
func (b *Browser) Act(act string) { b.tb.Helper(); b.Click(fmt.Sprintf(`[data-act=%q]`, act)) }

// Scenario presses a scenario of the practice panel.
func (b *Browser) Scenario(id string) {
	b.tb.Helper()
	b.Click(fmt.Sprintf(`[data-scenario=%q]`, id))
}

// Place places a person's card on the practice reader.
func (b *Browser) Place(person string) {
	b.tb.Helper()
	b.Click(fmt.Sprintf(`[data-person=%q]`, person))
}

// Shot writes a picture of the page into the directory that HONNIN_SHOTS names; without it, nothing.
func (b *Browser) Shot(name string) {
	b.tb.Helper()
	dir := os.Getenv("HONNIN_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, Limit)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		b.tb.Fatalf("screenshot: %v", err)
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}
