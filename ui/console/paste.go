package console

import (
	"bytes"
	"context"
	"strings"
	"time"
)

// A signature of ssh-keygen has 300 bytes (Ed25519) to 400; nothing that we take is longer than this.
const maxPaste = 4096

// settle is how long nothing must come before what was pasted is taken to be all of it.
const settle = 300 * time.Millisecond

// paste takes in a signature. Nothing of it is echoed but a dot for each line, so that the challenge stays on the screen. What
// is not even the beginning of one ends it at once: nobody is kept in here who did not mean to come.
func (s *session) paste(ctx context.Context) ([]byte, error) {
	var text bytes.Buffer
	for {
		line, err := s.pasteLine(ctx)
		if err != nil {
			return nil, err
		}
		if text.Len() == 0 && strings.TrimSpace(line) == "" {
			continue
		}
		text.WriteString(line + "\n")
		if err := s.screen.write("."); err != nil {
			return nil, err
		}
		switch {
		case !strings.HasPrefix(text.String(), armourBegin), text.Len() > maxPaste:
			return nil, Fail(BadArmour)
		case strings.HasPrefix(line, armourEnd):
			rest, err := s.behind()
			return append(text.Bytes(), rest...), err
		}
	}
}

func (s *session) pasteLine(ctx context.Context) (string, error) {
	var line []rune
	for {
		k, err := s.keyboard.next(ctx, 0)
		switch {
		case ctx.Err() != nil:
			return "", Fail(TooLate)
		case err != nil:
			return "", err
		case k.act == enter:
			return string(line), nil
		case k.act == cancel || k.act == bye:
			return "", Fail(NoSignature)
		case k.act == brk:
			return "", errBreak
		case k.act == erase && len(line) > 0:
			line = line[:len(line)-1]
		case k.act == noise:
			return "", errNoise
		case len(line) > MaxLine:
			return "", errLong
		case k.act == char:
			line = append(line, k.r)
		}
	}
}

// behind is what comes right after a signature: it is judged with it.
func (s *session) behind() (rest []byte, err error) {
	for len(rest) <= maxPaste {
		p := make([]byte, 512)
		n, err := s.wire.read(context.Background(), p, settle)
		rest = append(rest, p[:n]...)
		if err == errQuiet {
			return rest, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, Fail(BadArmour)
}
