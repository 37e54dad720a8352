package incident

import (
	"errors"
	"testing"

	"honnin/config/protocol"
)

// TestSuspensionsAttacks: what is suspended is what the centre signed as the answer to this very question.
func TestSuspensionsAttacks(t *testing.T) {
	asked := protocol.Nonce{1}
	good := protocol.Suspensions{Format: protocol.SuspensionsFormat, Nonce: asked, At: protocol.At(noon), Suspended: []protocol.Suspension{
		{Municipality: city, Since: protocol.At(noon), Incident: "test-0001-8-00ff00ff"}}}
	answer := func(by string, change func(*protocol.Suspensions)) func(*world) []byte {
		return func(w *world) []byte {
			s := good
			change(&s)
			return w.signed(by, s)
		}
	}
	as := func(*protocol.Suspensions) {}
	for name, c := range map[string]struct {
		answer func(*world) []byte
		want   Doubt
	}{
		"good":                    {answer("centre", as), NoDoubt},
		"nothing at all":          {func(*world) []byte { return nil }, SuspensionsUnsigned},
		"without a signature":     {func(*world) []byte { b, _ := protocol.EncodeBody(good); return b }, SuspensionsUnsigned},
		"with a broken signature": {func(w *world) []byte { b := w.signed("centre", good); b[len(b)-1] ^= 1; return b }, SuspensionsUnsigned},
		"a receipt":               {func(w *world) []byte { return w.signed("centre", w.receipt()) }, SuspensionsUnsigned},
		"a state":                 {func(w *world) []byte { return w.signed("centre", w.state(protocol.IncidentOpen)) }, SuspensionsUnsigned},
		"malformed":               {answer("centre", func(s *protocol.Suspensions) { s.Suspended = []protocol.Suspension{{Since: s.At, Incident: "i"}} }), SuspensionsUnsigned},
		"too long":                {answer("centre", func(s *protocol.Suspensions) { s.Suspended = make([]protocol.Suspension, protocol.MaxSuspensions+1) }), SuspensionsUnsigned},
		"a person's key":          {answer("closer", as), SuspensionsForeign},
		"a stranger's key":        {answer("stranger", as), SuspensionsForeign},
		"for another question":    {answer("centre", func(s *protocol.Suspensions) { s.Nonce[0]++ }), SuspensionsOther},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.judge.Suspensions(asked, c.answer(w))
			if c.want == NoDoubt {
				if err != nil || !got.Whole(city) {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if !errors.Is(err, c.want) || got.Format != "" || got.Suspended != nil {
				t.Errorf("%+v, %v, and not %s", got, err, c.want)
			}
		})
	}
}
