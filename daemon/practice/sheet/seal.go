package sheet

import "fmt"

// Imprint is a fictional registered seal (印影), drawn as vectors from the characters engraved on it.
type Imprint struct {
	Text   string // 1 to 4 characters, as engraved
	Square bool   // square, or round
	Size   int    // outer width in tenths of a millimetre: more than 80, at most 250 as ordinances ask
	Tilt   int    // degrees clockwise, -10 to 10: nobody stamps quite straight
}

func (i Imprint) canonical() string {
	return fmt.Sprintf("%s/%t/%d/%d", i.Text, i.Square, i.Size, i.Tilt)
}

// Office is who certifies: a municipality, its mayor and its seal, drawn once. Make one with [NewOffice].
type Office struct {
	name, mayor string
	seal        []byte
}

// NewOffice prepares an office: the municipality (見本県架空市), the mayor's title and name (架空市長　見本　一郎)
// and the characters of the seal (架空市長之印, 1 to 9).
func NewOffice(name, mayor, seal string) (*Office, error) {
	return &Office{name, mayor, []byte(seal)}, nil
}
