package centre

import (
	"errors"
	"io"
)

var errTooLong = errors.New("centre: longer than allowed")

const firstBuffer = 64 << 10

// readOwned reads a whole body of at most limit bytes. A package holds a person's data, so every buffer it
// outgrew, and what was read before an error, is overwritten; io.ReadAll would leave copies behind.
func readOwned(r io.Reader, announced int64, limit int) ([]byte, error) {
	if announced > int64(limit) {
		return nil, errTooLong
	}
	size := min(firstBuffer, limit)
	if announced >= 0 {
		size = int(announced)
	}
	b := make([]byte, 0, size+1) // one more than announced, so that the end is seen without growing
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > limit:
			clear(b)
			return nil, errTooLong
		case err == io.EOF:
			return b, nil
		case err != nil:
			clear(b)
			return nil, err
		}
		if len(b) == cap(b) {
			b = grow(b, limit)
		}
	}
}

// grow doubles, up to one byte over the limit, and overwrites what it leaves behind.
func grow(b []byte, limit int) []byte {
	bigger := make([]byte, len(b), min(2*cap(b), limit+1))
	copy(bigger, b)
	clear(b)
	return bigger
}
