package touchtest

import "testing"

// TestUnlike: pictures of two screens that differ in one line of text are told apart, and one is like itself.
func TestUnlike(t *testing.T) {
	closed, err := load("../closed.png")
	if err != nil {
		t.Fatal(err)
	}
	other, err := load("../../../daemon/minimum.png")
	if err != nil {
		t.Fatal(err)
	}
	if n, of := unlike(closed, closed); n != 0 || of != 1024*768/cell/cell {
		t.Errorf("%d of %d places differ from themselves", n, of)
	}
	if n, of := unlike(closed, other); n <= 2*of/500 {
		t.Errorf("only %d of %d places differ", n, of)
	}
}
