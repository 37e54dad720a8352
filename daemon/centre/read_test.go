package centre

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"honnin/config/protocol"
)

// keeper remembers every buffer that was read into, to see later what is left in it.
type keeper struct {
	io.Reader
	buffers [][]byte
}

func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	k.buffers = append(k.buffers, p[:n])
	return n, err
}

func TestReadOwnedIsExactAndLeavesNothingBehind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, limit := rapid.IntRange(0, 5*firstBuffer).Draw(t, "size"), rapid.IntRange(1, 4*firstBuffer).Draw(t, "limit")
		announced := rapid.SampledFrom([]int64{-1, int64(size)}).Draw(t, "announced")
		breaks := rapid.Bool().Draw(t, "breaks")
		content := bytes.Repeat([]byte{7}, size)
		var r io.Reader = bytes.NewReader(content)
		if breaks {
			r = io.MultiReader(r, iotest.ErrReader(io.ErrUnexpectedEOF))
		}
		k := &keeper{Reader: r}
		b, err := readOwned(k, announced, limit)
		switch {
		case size > limit && !errors.Is(err, errTooLong), size <= limit && breaks && !errors.Is(err, io.ErrUnexpectedEOF):
			t.Fatal(size, limit, announced, err)
		case size <= limit && !breaks && (err != nil || !bytes.Equal(b, content)):
			t.Fatal(size, limit, announced, len(b), err)
		case err != nil && b != nil:
			t.Fatal("bytes beside an error")
		}
		left := 0
		for _, buffer := range k.buffers {
			left += bytes.Count(buffer, []byte{7})
		}
		if want := len(b); left > want {
			t.Fatalf("%d bytes of the body are still in memory, %d are the caller's", left, want)
		}
	})
}

// Whatever a centre answers, bytes come back only with the status and the type of success, and no error repeats them.
func FuzzAnswers(f *testing.F) {
	const secret = "KAKUU-TAROU"
	f.Add(200, "application/pkcs7-mime; smime-type=signed-data", secret)
	f.Add(202, "", "")
	f.Add(307, "text/html", secret)
	f.Add(403, "application/problem+json", `{"type":"urn:honnin:problem:not-linked","title":"`+secret+`","status":403}`)
	f.Add(410, "application/problem+json", secret)
	f.Add(500, "application/problem+json", `{"type":"urn:honnin:problem:`+secret+`","title":"","status":500}`)
	f.Fuzz(func(t *testing.T, status int, media, body string) {
		r := request{want: 200, wait: 202, media: mediaCMS, limit: 1000}
		resp := &http.Response{StatusCode: status, ProtoMajor: 2, ContentLength: -1, Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(strings.NewReader(body))}
		b, err := r.read(t.Context(), resp)
		if b != nil && (status != 200 || string(b) != body || len(b) > 1000) || b == nil && err == nil && status != 202 {
			t.Errorf("%d %q: %d bytes, %v", status, media, len(b), err)
		}
		var p *Problem
		if errors.As(err, &p) && (p.Status != status || protocol.ProblemPrefix+p.Word == body) {
			t.Error(p)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Error("the error repeats the body")
		}
	})
}
