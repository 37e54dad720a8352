package console

import (
	"slices"
	"strings"
)

// completion is that of the whole table.
func completion(before string) (insert string, choices []string) { return complete(table(), before) }

// complete is what may be inserted behind the text before the cursor, and, where that is nothing, what it may become.
func complete(all []Command, before string) (insert string, choices []string) {
	begun, word := "", before
	if i := strings.LastIndexByte(before, ' '); i >= 0 {
		begun, word = before[:i], before[i+1:]
	}
	for _, w := range candidates(all, strings.Fields(begun), word) {
		if strings.HasPrefix(w, word) {
			choices = append(choices, w)
		}
	}
	slices.Sort(choices)
	choices = slices.Compact(choices)
	if len(choices) == 0 {
		return "", nil
	}
	if insert = common(choices)[len(word):]; len(choices) == 1 {
		return insert + " ", nil
	}
	if insert != "" {
		return insert, nil
	}
	return "", choices
}

// candidates are the words that may stand behind those that are there.
func candidates(all []Command, w []string, word string) (out []string) {
	if len(w) == 0 {
		return nextWords(all, nil)
	}
	if w[0] == "help" {
		return nextWords(all, w[1:])
	}
	out = nextWords(all, w)
	c, rest := find(all, w)
	if c == nil {
		return out
	}
	if last := w[len(w)-1]; strings.HasPrefix(last, "--") {
		if in, ok := c.flag(strings.TrimPrefix(last, "--")); ok && len(in.Words) > 0 {
			return in.Words
		}
	}
	if strings.HasPrefix(word, "-") {
		for _, i := range slices.Concat(c.Inputs, c.everybodys()) {
			if i.Flag {
				out = append(out, "--"+i.Name)
			}
		}
		return out
	}
	if a := c.arguments(); len(rest) < len(a) {
		out = append(out, a[len(rest)].Words...)
	}
	return out
}

// nextWords are the words of commands behind those.
func nextWords(all []Command, w []string) (out []string) {
	for _, c := range all {
		if f := strings.Fields(c.Name); len(f) > len(w) && slices.Equal(f[:len(w)], w) {
			out = append(out, f[len(w)])
		}
	}
	return out
}

// common is what all begin with.
func common(all []string) string {
	p := all[0]
	for _, s := range all[1:] {
		for !strings.HasPrefix(s, p) {
			p = p[:len(p)-1]
		}
	}
	return p
}
