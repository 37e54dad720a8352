package sheet

// unit is a strip of a page that is never divided: a row of a grid, a line of a register.
type unit struct {
	block  int     // units of one block like to stay on one page
	height float64 // points
	gap    float64 // above it, except at the top of a page
	draw   func(p *pen, y float64)
}

// room is the height for units on a page that another follows, and on the last one.
type room struct{ full, last float64 }

// paginate divides units into pages: a block that fits on one page is not divided, and the last page leaves
// room for the certification. A unit higher than a page has a page to itself (see fits).
func paginate(units []unit, r room) [][]unit {
	var pages [][]unit
	var page []unit
	for i := 0; i < len(units); {
		n := blockLength(units[i:])
		if height(append(page[:len(page):len(page)], units[i:i+n]...)) > r.full {
			if height(units[i:i+n]) > r.full {
				n = 1 // too high for any page: row by row
			}
			if len(page) > 0 && height(append(page[:len(page):len(page)], units[i:i+n]...)) > r.full {
				pages, page = append(pages, page), nil
			}
		}
		page = append(page, units[i:i+n]...)
		i += n
	}
	for height(page) > r.last && len(page) > 1 {
		cut := lastBlock(page)
		pages, page = append(pages, page[:cut]), page[cut:]
	}
	return append(pages, page)
}

// fits reports whether every page holds what it was given: one unit may be higher than a page.
func fits(pages [][]unit, r room) bool {
	for i, page := range pages {
		limit := r.full
		if i == len(pages)-1 {
			limit = r.last
		}
		if height(page) > limit {
			return false
		}
	}
	return true
}

// blockLength is the number of leading units of one block.
func blockLength(units []unit) int {
	for i, u := range units {
		if u.block != units[0].block {
			return i
		}
	}
	return len(units)
}

// lastBlock is where the last block of a page begins, or its last unit if the page is one block.
func lastBlock(page []unit) int {
	for i := len(page) - 1; i > 0; i-- {
		if page[i-1].block != page[i].block {
			return i
		}
	}
	return len(page) - 1
}

func height(units []unit) (h float64) {
	for i, u := range units {
		h += u.height
		if i > 0 {
			h += u.gap
		}
	}
	return h
}
