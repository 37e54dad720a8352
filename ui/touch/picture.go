package touch

import (
	"reflect"
	"slices"

	"honnin/config/protocol"
)

// Language is one of the two languages of the screens.
type Language string

// The languages.
const (
	Japanese Language = "ja"
	English  Language = "en"
)

func (l Language) other() Language {
	if l == English {
		return Japanese
	}
	return English
}

// picture is what stands in the browser: a screen, and what belongs to touch alone. It is a value; each change
// makes a new one.
type picture struct {
	Screen
	number  uint64     // a finger carries it back; a new number means that earlier taps are not meant for this
	tick    uint64     // counts every change, progress too
	spent   bool       // a finger was passed on
	speaks  []Language // those offered; the first is spoken until somebody chooses another; none: Japanese and English
	lang    Language   // chosen; "": none
	looking string     // Choose: the offer whose options are open, or ""
}

// next is the picture after s is to be shown. A picture that differs only in progress keeps its number, so that a
// tap on "cancel" is not lost to a counter that moved; one that was already touched gets a new number, so that
// the session's answer can be touched again.
func (p picture) next(s Screen) picture {
	if !s.Name.Valid() {
		s = Screen{Visit: s.Visit, Name: OutOfService, Reference: s.Reference}
	}
	n := picture{Screen: s.clone(), number: p.number, tick: p.tick + 1, speaks: p.speaks, lang: p.lang, looking: p.looking, spent: p.spent}
	if p.spent || !sameButProgress(p.Screen, s) {
		n.number, n.spent, n.looking = p.number+1, false, ""
	}
	if p.Visit != 0 && s.Visit != p.Visit {
		n.lang = ""
	}
	return n
}

func sameButProgress(a, b Screen) bool {
	a.Seconds, a.Done, a.Of = b.Seconds, b.Done, b.Of
	return reflect.DeepEqual(a, b)
}

// languages returns those that are offered.
func (p picture) languages() []Language {
	if len(p.speaks) == 0 {
		return []Language{Japanese, English}
	}
	return p.speaks
}

// language returns the language to draw in.
func (p picture) language() Language {
	if slices.Contains(p.languages(), p.lang) {
		return p.lang
	}
	return p.languages()[0]
}

// offer returns the offer with this id if it can be chosen now.
func (p picture) offer(id string) (protocol.Offer, bool) {
	for _, o := range p.Offers {
		if o.ID == id && o.Available && p.Name == Choose {
			return o, true
		}
	}
	return protocol.Offer{}, false
}
