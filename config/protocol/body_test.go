package protocol_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"honnin/config/protocol"
)

var at = protocol.At(time.Date(2026, 11, 21, 2, 3, 4, 5, time.UTC))

func TestBodiesSurviveTheWire(t *testing.T) {
	offer := protocol.Offer{ID: "a", Municipality: "991015", Name: protocol.Names{Ja: "見本市", En: "Mihon City"},
		Certificate: protocol.ResidentRecord, Options: map[string][]protocol.Option{"household": {protocol.Text("all"), protocol.Bool(true)}},
		Fee: 250, Hours: "06:30-23:00", Available: true}
	head := protocol.JournalHead{Position: 7, Head: protocol.Digest{9}}
	for name, round := range map[string]func(t *testing.T){
		"begin":     body(protocol.Begin{Terminal: "JP-13-000042", Nonce: protocol.NewNonce(), Channel: protocol.Store}),
		"begun":     body(protocol.Begun{Transaction: protocol.NewTransaction(), Challenge: protocol.NewChallenge(), ExpiresAt: at, Journal: head}),
		"applicant": body(protocol.Applicant{Certificate: []byte{1, 2}, Signature: []byte{3}}),
		"offers":    body(protocol.Offers{Offers: []protocol.Offer{offer}}),
		"order":     body(protocol.Order{Offer: "a", Options: protocol.Options{"household": protocol.Text("one")}, Copies: 2}),
		"question":  body(protocol.InForceQuestion{Nonce: protocol.NewNonce(), Document: protocol.Digest{1}, Token: protocol.NewToken()}),
		"outcome":   body(protocol.OutcomeReport{Outcome: protocol.Void, Journal: head}),
		"event":     body(protocol.NewEvent("i-1", "T-1", at, protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up"})),
		"receipt":   body(protocol.Receipt{Format: protocol.ReceiptFormat, Incident: "i-1", Source: protocol.SourcePrefix + "T-1", ReceivedAt: at}),
		"state":     body(protocol.IncidentState{Format: protocol.StateFormat, Incident: "i-1", Source: protocol.SourcePrefix + "T-1", State: "open", At: at}),
	} {
		t.Run(name, round)
	}
}

// body checks that v reads back from its own encoding, and from no version of it with a member gone, null,
// repeated or added.
func body[T any](v T) func(*testing.T) {
	return func(t *testing.T) {
		b, err := protocol.EncodeBody(v)
		if err != nil {
			t.Fatal(err)
		}
		var back T
		if err := protocol.ParseBody(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if again, _ := protocol.EncodeBody(back); !bytes.Equal(b, again) {
			t.Errorf("%s became %s", b, again)
		}
		s := string(b)
		for _, bad := range append(nulled(t, s), `{}`, ``, `null`, `[]`, s+" ", s+s, "\ufeff"+s, s[:len(s)-1]+`,"extra":1}`,
			strings.Replace(s, `":`, `X":`, 1), s[:len(s)-1]+","+s[1:]) {
			var x T
			if err := protocol.ParseBody([]byte(bad), &x); !errors.Is(err, protocol.ErrFormat) {
				t.Errorf("%s: %v", bad, err)
			}
		}
	}
}

// nulled returns s once for each member, with null in the place of that member's value.
func nulled(t *testing.T, s string) (out []string) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(s), &members); err != nil || len(members) == 0 {
		t.Fatal(s, err)
	}
	for k, v := range members {
		members[k] = jsontext.Value("null")
		b, _ := json.Marshal(members)
		members[k] = v
		out = append(out, string(b))
	}
	return out
}

func TestBodyLooksInsideListsAndMaps(t *testing.T) {
	for _, s := range []string{
		`{"offers":[null]}`,
		`{"offers":[{"id":"a"}]}`,
		`{"offers":[{"id":"a","municipality":"991015","name":{"ja":"x"},"certificate":"resident-record","options":{},"fee":1,"hours":"","available":true}]}`,
		`{"offers":[{"id":"a","municipality":"991015","name":{"ja":"x","en":"y"},"certificate":"resident-record","options":{"a":null},"fee":1,"hours":"","available":true}]}`,
		`{"offers":[{"id":"a","municipality":"991015","name":{"ja":"x","en":"y"},"certificate":"passport","options":{},"fee":1,"hours":"","available":true}]}`,
	} {
		var o protocol.Offers
		if err := protocol.ParseBody([]byte(s), &o); !errors.Is(err, protocol.ErrFormat) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestWordsAreChecked(t *testing.T) {
	for _, s := range []string{`{"outcome":"fine","impressions":1}`, `{"outcome":"","impressions":1}`, `{"outcome":"printed","impressions":"1"}`} {
		var o protocol.OutcomeReport
		if err := protocol.ParseBody([]byte(s), &o); err == nil {
			t.Errorf("%s accepted", s)
		}
	}
	var c protocol.Channel
	if c.UnmarshalText([]byte("web")) == nil || c.UnmarshalText([]byte("counter")) != nil {
		t.Error("channel")
	}
}

func TestProblem(t *testing.T) {
	word, status, err := protocol.ParseProblem([]byte(`{"type":"urn:honnin:problem:not-linked","title":"x","status":403,"instance":"/y"}`))
	if word != protocol.ProblemNotLinked || status != 403 || err != nil {
		t.Error(word, status, err)
	}
	for _, s := range []string{``, `{}`, `{"type":"about:blank","title":"","status":403}`, `{"type":"urn:honnin:problem:","title":"","status":403}`,
		`{"type":"urn:honnin:problem:Bad word","title":"","status":403}`, `{"type":"urn:honnin:problem:x","title":"","status":200}`,
		`{"type":"urn:honnin:problem:x","type":"urn:honnin:problem:y","title":"","status":403}`} {
		if _, _, err := protocol.ParseProblem([]byte(s)); !errors.Is(err, protocol.ErrFormat) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if _, _, err := protocol.ParseProblem(bytes.Repeat([]byte(" "), protocol.MaxJSON+1)); err == nil {
		t.Error("a problem of more than 64 KiB")
	}
}

func TestEventHoldsWordsOnly(t *testing.T) {
	good := protocol.NewEvent("i-1", "T-1", at, protocol.IncidentData{Code: "subject-mismatch", Class: "mixed-up", Also: []string{"tag-mismatch"}})
	for name, change := range map[string]func(*protocol.Event){
		"version": func(e *protocol.Event) { e.SpecVersion = "0.3" },
		"type":    func(e *protocol.Event) { e.Type = "other" },
		"source":  func(e *protocol.Event) { e.Source = "urn:honnin:terminal:架空" },
		"code":    func(e *protocol.Event) { e.Data.Code = "架空 太郎" },
		"also":    func(e *protocol.Event) { e.Data.Also = []string{"free text"} },
		"class":   func(e *protocol.Event) { e.Data.Class = "" },
	} {
		bad := good
		change(&bad)
		b, _ := protocol.EncodeBody(bad)
		if _, err := protocol.ParseEvent(b); !errors.Is(err, protocol.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, _ := protocol.EncodeBody(good)
	if e, err := protocol.ParseEvent(b); err != nil || e.ID != "i-1" || e.Data.Also[0] != "tag-mismatch" {
		t.Error(e, err)
	}
}

// TestAbsentIsNotThere: what stands for absent in this program is refused where it is written down: in what is signed and in an event
// there are no two texts of one meaning. In any other form than ours they are read.
func TestAbsentIsNotThere(t *testing.T) {
	const event = `{"specversion":"1.0","id":"t-1-17-01020304","source":"urn:honnin:terminal:T-1","type":"honnin.incident.v1","time":"2026-11-21T02:03:04Z",` +
		`"datacontenttype":"application/json","data":{"code":"fault"%s,"class":"\u0066ault"}}`
	const state = `{"format":"honnin-incident-state/1","incident":"i"%s,"source":"urn:honnin:terminal:T","state":"acknowledged","at":"2026-11-21T02:03:04Z" }`
	zeros := strings.Repeat("A", 43)
	for more, good := range map[string]bool{
		``: true, `,"transaction":"` + strings.Repeat("1", 32) + `"`: true, `,"also":["money"]`: true,
		`,"transaction":"` + strings.Repeat("0", 32) + `"`: false, `,"document":"` + zeros + `"`: false, `,"evidence":{}`: false, `,"evidence":{"serial":""}`: false,
		`,"storm":{"count":0,"through":0,"last":"0001-01-01T00:00:00Z"}`: false,
	} {
		if _, err := protocol.ParseEvent(fmt.Appendf(nil, event, more)); (err == nil) != good || !good && !errors.Is(err, protocol.ErrFormat) {
			t.Errorf("%s: %v", more, err)
		}
	}
	for more, good := range map[string]bool{``: true, `,"event":"` + strings.Repeat("B", 42) + `A"`: true, `,"event":"` + zeros + `"`: false, `,"cause":""`: false} {
		if _, err := protocol.ParseIncidentState(fmt.Appendf(nil, state, more)); (err == nil) != good || !good && !errors.Is(err, protocol.ErrFormat) {
			t.Errorf("%s: %v", more, err)
		}
	}
}

func TestIncidentStateClosedNeedsACause(t *testing.T) {
	for _, c := range []struct {
		state, cause string
		ok           bool
	}{{"open", "", true}, {"acknowledged", "", true}, {"closed", "fixed in 1.4.1", true}, {"closed", "", false}, {"lost", "", false},
		{"closed", strings.Repeat("x", 257), false}} {
		b, _ := protocol.EncodeBody(protocol.IncidentState{Format: protocol.StateFormat, Incident: "i", Source: protocol.SourcePrefix + "T", State: c.state, Cause: c.cause, At: at})
		if _, err := protocol.ParseIncidentState(b); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := protocol.ParseReceipt([]byte(`{"format":"x","incident":"i","source":"urn:honnin:terminal:T","event":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","received_at":"2026-11-21T02:03:04Z"}`)); err == nil {
		t.Error("a receipt of another format")
	}
}

func FuzzWireBodies(f *testing.F) {
	f.Add([]byte(`{"offers":[]}`))
	f.Add([]byte(`{"specversion":"1.0","id":"i"}`))
	f.Add([]byte(`{"type":"urn:honnin:problem:x","title":"","status":403}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var o protocol.Offers
		for _, err := range []error{protocol.ParseBody(b, &o), second(protocol.ParseEvent(b)), second(protocol.ParseIncidentState(b))} {
			if err != nil && !errors.Is(err, protocol.ErrFormat) {
				t.Errorf("%q: %v", b, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
