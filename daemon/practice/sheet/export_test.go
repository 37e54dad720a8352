package sheet

// Values returns the printed values of a content, in the order of the form.
func Values(c Content) []string {
	f, err := c.form()
	if err != nil {
		return nil
	}
	rows := f.head
	for _, b := range f.blocks {
		rows = append(rows[:len(rows):len(rows)], b.rows...)
	}
	var out []string
	for _, r := range rows {
		for _, k := range r {
			if k.value != "" {
				out = append(out, k.value)
			}
		}
	}
	return out
}

// Runes returns every character that a value may hold.
func Runes() (out []rune) {
	for r := range faces()[mincho].glyph.all {
		out = append(out, r)
	}
	return out
}
