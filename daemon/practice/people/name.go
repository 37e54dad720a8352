package people

// Name returns a person's fictional name, for the practice panel and nowhere else; "" for an id that nobody has.
func Name(id string) string {
	for _, h := range households() {
		for _, m := range h.People {
			if m.ID == id && id != "" {
				return m.Name
			}
		}
	}
	return ""
}
