package individual

import "testing"

func TestWithin(t *testing.T) {
	for s, want := range map[string]bool{
		"123456789012": true, "a123456789012b": true, "1234 5678 9012": true, "1234-5678-9012": true, "1 2-3 4-5 6-7 8-9 0-1 2": true, "1234567890123456": true,
		"名は123456789012です": true, "１２３４５６７８９０１２": true, "12345678901 x 123456789012": true,
		"": false, "12345678901": false, "1234 5678 901": false, "123456 -789012": false, "123456--789012": false, "123456  789012": false,
		"123456.789012": false, "123456\n789012": false, "-- 1234 56": false,
	} {
		if got := Within(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}
