package protocol

import (
	"strings"
	"testing"
	"time"
)

func TestEscalation(t *testing.T) {
	at := At(time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC))
	e := NewEscalation("t-9-00112233", "T-1", at, EscalationData{Incident: "t-7-00112233", Since: at, Step: 2, Contact: "night-desk", Municipality: "131016", Over: true})
	b, err := EncodeBody(e)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParseEscalation(b); err != nil || back != e {
		t.Errorf("%+v %v", back, err)
	}
	text := string(b)
	for name, edit := range map[string][2]string{
		"another type":     {EscalationType, EventType},
		"another version":  {`"1.0"`, `"1.1"`},
		"another source":   {SourcePrefix, "urn:other:"},
		"no step":          {`"step":2`, `"step":0`},
		"no incident":      {`"incident":"t-7-00112233",`, ``},
		"no time":          {`"since":"2026-11-22T01:02:03Z",`, ``},
		"a name":           {`"night-desk"`, `"架空　太郎"`},
		"nobody, midway":   {`"contact":"night-desk"`, `"over":false,"contact":""`},
		"a telephone":      {`"night-desk"`, `"tel:+81-3-0000-0000"`},
		"something beside": {`"step":2`, `"step":2,"reach":"x"`},
	} {
		edited := strings.Replace(text, edit[0], edit[1], 1)
		if name == "nobody, midway" {
			edited = strings.Replace(strings.Replace(text, `"contact":"night-desk",`, ``, 1), `,"over":true`, ``, 1)
		}
		if _, err := ParseEscalation([]byte(edited)); err == nil || edited == text {
			t.Errorf("%s is taken (%t): %s", name, edited == text, edited)
		}
	}
}
