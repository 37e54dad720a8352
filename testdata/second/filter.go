package second

import (
	"bytes"
	"compress/zlib"
	"io"
)

var decoders = map[name]func([]byte, int) ([]byte, error){"FlateDecode": inflate, "RunLengthDecode": runs, "ASCIIHexDecode": unhexed}

// inflate decodes to the last byte of b, or as far as the limit.
func inflate(b []byte, limit int) ([]byte, error) {
	from := bytes.NewReader(b)
	r, err := zlib.NewReader(from)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, err
	case len(out) > limit:
		return out, errLong
	case from.Len() > 0:
		return nil, errForm
	}
	return out, nil
}

// runs decodes ISO 32000-1, section 7.4.5.
func runs(b []byte, limit int) (out []byte, err error) {
	for len(b) > 0 && b[0] != 128 {
		n := int(b[0])
		switch {
		case n < 128 && len(b) >= n+2:
			out, b = append(out, b[1:n+2]...), b[n+2:]
		case n > 128 && len(b) >= 2:
			out, b = append(out, bytes.Repeat(b[1:2], 257-n)...), b[2:]
		default:
			return nil, errForm
		}
		if len(out) > limit {
			return out, errLong
		}
	}
	return out, nil
}

func unhexed(b []byte, _ int) ([]byte, error) {
	l := lexer{b: b}
	v, err := l.hex()
	t, _ := v.(text)
	return []byte(t), err
}
