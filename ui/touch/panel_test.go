package touch

import (
	"slices"
	"strings"
	"testing"
)

func TestPanelActs(t *testing.T) {
	p := &fakePanel{}
	h := newHarness(t, p).enter(t)
	for _, act := range []string{"jam", "clear-jam", "paper-out", "take-paper", "stranger", "staff", "close", "type", "wrong", "red"} {
		if got := h.do(t, "POST", "/panel/act", "act="+act); got.status != 204 {
			t.Errorf("%s: %d %s", act, got.status, got.body)
		}
	}
	if want := []string{"jam", "clear-jam", "paper-out", "take-paper", "stranger", "staff", "close", "type", "wrong", "red"}; !slices.Equal(p.done, want) {
		t.Errorf("the practice world heard %v", p.done)
	}
	if got := h.do(t, "POST", "/panel/act", "act=place&person=p02"); got.status != 204 || p.State().Card != "p02" {
		t.Errorf("place: %d, %q lies there", got.status, p.State().Card)
	}
	if got := h.do(t, "POST", "/panel/act", "act=place&person=p01"); got.status != 409 || !strings.Contains(got.body, errFake.Error()) {
		t.Errorf("a refusal reads %d %q", got.status, got.body)
	}
	if got := h.do(t, "POST", "/panel/act", "act=pull"); got.status != 204 || p.State().Card != "" {
		t.Errorf("pull: %d", got.status)
	}
	if got := h.do(t, "POST", "/panel/act", "act=play&scenario=yokohama"); got.status != 204 || p.done[len(p.done)-1] != "play yokohama" {
		t.Errorf("play: %d, %v", got.status, p.done)
	}
	for _, bad := range []string{"act=play", "act=play&scenario=x", "act=explode", "", "act=jam&act=jam", "%"} {
		if got := h.do(t, "POST", "/panel/act", bad); got.status/100 != 4 {
			t.Errorf("%q: %d", bad, got.status)
		}
	}
	if len(p.done) != 11 {
		t.Errorf("a bad act was done: %v", p.done)
	}
}

func TestSheets(t *testing.T) {
	h := newHarness(t, &fakePanel{}).enter(t)
	got := h.do(t, "GET", "/panel/sheets/visit-3.pdf", "")
	if got.status != 200 || got.header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(got.body, "%PDF") {
		t.Errorf("answered %d %v", got.status, got.header)
	}
	if strings.Contains(got.header.Get("Content-Security-Policy"), "script-src") || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a sheet may do too much: %v", got.header)
	}
	for _, bad := range []string{"visit-4.pdf", "..%2f..%2fetc%2fpasswd", ".hidden", "a%20b.pdf", strings.Repeat("a", 200)} {
		if got := h.do(t, "GET", "/panel/sheets/"+bad, ""); got.status != 404 {
			t.Errorf("%s: %d", bad, got.status)
		}
	}
}
