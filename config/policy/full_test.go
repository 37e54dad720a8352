package policy_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"honnin/config/keys"
	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust/sign"
)

const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

// full has every key that there is.
const full = `version = 7
not_before = "2026-12-01T00:00:00+09:00"
expires = "2027-03-31T23:59:59+09:00"
expiry_warning = "240h"
terminals = ["YOKOHAMA-*", "T-1"]
previous = "abababababababababababababababababababababababababababababababab"
clock_skew = "5m"
package_lifetime = "15m"
crl_max_age = "48h"
propagation_limit = "12h"
heartbeat = "10m"
languages = ["en", "ja"]
hours = "06:30-23:00"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
closed = ["12-29/01-03"]
holidays = ["2026-11-23", "2027-05-03/2027-05-05", "01-01"]

[policy_keys]
threshold = 2
[[policy_keys.key]]
name = "office-a"
pem = "office-a.pem"
[[policy_keys.key]]
name = "office-b"
pem = "office-b.pem"
[[policy_keys.key]]
name = "office-c"
pem = "office-c.pem"

[latch]
defective = 4
within = "30m"
all = 2

[limits]
idle = "61s"
more_time = "21s"
take_card = "62s"
card_left = "31s"
take_paper = "63s"
confirm = "181s"
message = "11s"
refused = "64s"

[card]
anchors = ["card-ca.pem"]

[test]
anchors = ["test-ca.pem"]

[centre]
urls = ["https://centre.internal"]
signers = ["signer.pem"]

[terminal_keys]
anchors = ["card-ca.pem"]
warning = "480h"

[devices]
readers = ["usb"]
printers = ["ipps"]
usb = ["054c:0dc9"]
pin_pad = "use"
printers_without_ipp = false

[[municipality]]
code = "141003"
name = "Practice City"
issuing_anchors = ["issuing-ca.pem"]
register_anchors = ["register-ca.der"]
pinned_signers = []
revoked = ["cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"]
crls = ["issuing.crl"]
incident_key = "incident.pem"
hours = "07:00-22:00"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
closed = ["2027-01-16"]
  [[municipality.software]]
  name = "practice-issuer"
  floor = "1.4.0"
  fixes = ["F-1"]
  [[municipality.service]]
  certificate = "seal-registration"
  fee = 250
  counter_fee = 300
  [[municipality.service]]
  certificate = "family-register"
  fee = 450
  hours = "09:00-17:00"
  days = ["mon", "tue", "wed", "thu", "fri"]
  closed = ["2027-02-10/2027-02-12"]

[[municipality]]
code = "131016"
name = "Practice Town"
pinned_signers = ["signer.pem"]

[[staff]]
id = "1207"
roles = ["confirm"]
code = "pbkdf2-sha256:600000:AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
expires = "2027-03-31"
municipality = "141003"
terminals = ["T-1"]

[[person]]
id = "technician-7"
roles = ["look", "service"]
key = "` + sshKey + ` somewhere"
expires = "2027-03-31"
terminals = ["T-*"]
[[person]]
id = "closer-1"
roles = ["acknowledge", "close"]
key = "closer.pem"
expires = "2027-03-31"
municipality = "141003"

[[contact]]
id = "operations"
reach = "tel:+81-3-0000-0000"
[[contact]]
id = "city-office"
reach = "mailto:office@city.example"
municipality = "141003"

[[collector]]
id = "operations-log"
address = "log.operations.example:6514"
anchors = ["card-ca.pem"]

[deadlines]
acknowledge = "20m"
stop = "2h"
`

func fullWorld(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	withKeys(t, w)
	w.files["incident.pem"] = publicPEM(t, must[*ecdh.PrivateKey](t)(ecdh.X25519().GenerateKey(rand.Reader)).Public())
	w.files["test-ca.pem"] = toPEM(must[*sign.Pair](t)(sign.NewCA(template("Test CA"))).Certificate)
	w.files["same-key.pem"] = toPEM(must[*sign.Pair](t)(sign.NewCA(sign.Template{Name: "Another", Key: w.card.Key, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)})).Certificate)
	w.files["closer.pem"] = publicPEM(t, must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public())
	return w
}

// TestFullHasEveryKey: what is tried with it is tried with every key.
func TestFullHasEveryKey(t *testing.T) {
	root := must[*keys.Node](t)(policy.Table().Read([]byte(full)))
	for _, k := range policy.Table().Keys {
		if !root.Has(k.Path) {
			t.Errorf("%s is not in it", k.Path)
		}
	}
}

func TestFull(t *testing.T) {
	w := fullWorld(t)
	p := must[*policy.Policy](t)(policy.Parse([]byte(full), w.load))
	if l := p.Limits(); l != (policy.Limits{Idle: 61 * time.Second, MoreTime: 21 * time.Second, TakeCard: 62 * time.Second, CardLeft: 31 * time.Second,
		TakePaper: 63 * time.Second, Confirm: 181 * time.Second, Message: 11 * time.Second, Refused: 64 * time.Second}) {
		t.Errorf("%+v", l)
	}
	if l := p.Languages(); len(l) != 2 || l[0] != "en" {
		t.Error(l)
	}
	if d := p.Deadlines(); d != (policy.Deadlines{Acknowledge: 20 * time.Minute, Stop: 2 * time.Hour}) {
		t.Error(d)
	}
	if h, ok := p.Head(); !ok || h.Warn != 240*time.Hour {
		t.Error("the warning")
	}
	if s := p.CentreSigners(); len(s) != 1 || !s[0].Equal(w.signer.Certificate) {
		t.Error("the centre's signers")
	}
	if a := p.TestAnchors(); len(a) != 1 || a[0].Subject.CommonName != "Test CA" {
		t.Error("test cards")
	}
	if a := p.TerminalAnchors(); len(a) != 1 || !a[0].Equal(p.CardAnchors()[0]) || p.TerminalWarning() != 480*time.Hour {
		t.Error("what the policy says of terminals' keys")
	}
	if c := p.Collectors(); len(c) != 1 || c[0].ID != "operations-log" || c[0].Address != "log.operations.example:6514" || len(c[0].Anchors) != 1 {
		t.Errorf("%+v", c)
	}
	for url, want := range map[string]bool{"https://centre.internal": true, "https://centre.internal/": true, "https://centre.internal/v2": true,
		"https://centre.internal:444": false, "http://centre.internal": false, "https://centre.internal.example": false, "": false, "%": false} {
		if err := p.CheckCentre(url); (err == nil) != want {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := must[*policy.Policy](t)(policy.Parse([]byte(good), w.load)).CheckCentre("https://anywhere"); err != nil {
		t.Error("nothing is pinned:", err)
	}
}

func TestPersons(t *testing.T) {
	p := must[*policy.Policy](t)(policy.Parse([]byte(full), fullWorld(t).load))
	last := time.Date(2027, 3, 31, 14, 59, 59, 0, time.UTC)
	for _, c := range []struct {
		role policy.Role
		at   protocol.Terminal
		of   protocol.Municipality
		now  time.Time
		want string
	}{
		{policy.Look, "T-1", "", now, "technician-7"},
		{policy.Service, "T-1", "131016", last, "technician-7"},
		{policy.Service, "T-1", "131016", last.Add(time.Second), ""},
		{policy.Look, "U-1", "", now, ""},
		{policy.Close, "U-1", "141003", now, "closer-1"},
		{policy.Acknowledge, "", "141003", now, "closer-1"},
		{policy.Close, "U-1", "131016", now, ""},
		{policy.Close, "U-1", "", now, ""},
		{policy.Confirm, "T-1", "141003", now, ""},
	} {
		got := p.Persons(c.role, c.at, c.of, c.now)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || got[0].ID != c.want) {
			t.Errorf("%+v: %+v", c, got)
		}
		for _, q := range got {
			if (q.SSH == sshKey) == (q.SPKI != nil) {
				t.Errorf("%s: one key of one kind, without its comment: %+v", q.ID, q)
			}
		}
	}
}

func TestContacts(t *testing.T) {
	p := must[*policy.Policy](t)(policy.Parse([]byte(full), fullWorld(t).load))
	for m, want := range map[protocol.Municipality]string{"": "operations", "131016": "operations", "141003": "operations city-office"} {
		var ids []string
		for _, c := range p.Contacts(m) {
			ids = append(ids, c.ID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%q: %s", m, got)
		}
	}
}

// TestUnanswered: a policy under which nobody would answer for an incident is valid, and says so.
func TestUnanswered(t *testing.T) {
	w := fullWorld(t)
	const nobody = "131016: nobody may close, 141003: nobody may close, the terminal itself: nobody may close"
	late := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		replace []string
		at      protocol.Terminal
		now     time.Time
		want    string
	}{
		"one of two towns": {nil, "", now, "131016: nobody may close, the terminal itself: nobody may close"},
		"somebody for all": {[]string{"key = \"closer.pem\"\nexpires = \"2027-03-31\"\nmunicipality = \"141003\"", "key = \"closer.pem\"\nexpires = \"2027-03-31\""}, "", now, ""},
		"nobody any more":  {nil, "", late, nobody},
		"elsewhere":        {[]string{"municipality = \"141003\"\n\n[[contact]]", "terminals = [\"T-*\"]\n\n[[contact]]"}, "U-1", now, nobody},
		"here":             {[]string{"municipality = \"141003\"\n\n[[contact]]", "terminals = [\"T-*\"]\n\n[[contact]]"}, "T-1", now, ""},
		"somewhere":        {[]string{"municipality = \"141003\"\n\n[[contact]]", "terminals = [\"T-*\"]\n\n[[contact]]"}, "", now, ""},
		"only taken on":    {[]string{`["acknowledge", "close"]`, `["acknowledge"]`}, "", now, nobody},
		"no contact":       {[]string{"reach = \"tel:+81-3-0000-0000\"", "reach = \"tel:+81-3-0000-0000\"\nmunicipality = \"141003\""}, "", now, "131016: nobody may close, 131016: no contact, the terminal itself: nobody may close, the terminal itself: no contact"},
		"no centre":        {[]string{"signers = [\"signer.pem\"]\n\n[terminal_keys]", "\n[terminal_keys]"}, "", now, "131016: nobody may close, the terminal itself: nobody may close, no signer of the centre"},
	} {
		text := strings.NewReplacer(c.replace...).Replace(full)
		if (text == full) != (c.replace == nil) {
			t.Fatalf("%s: nothing is replaced", name)
		}
		got := must[*policy.Policy](t)(policy.Parse([]byte(text), w.load)).Unanswered(c.at, c.now)
		want := strings.Split(c.want, ", ")
		if c.want == "" {
			want = nil
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestFullRefused: what needs more than one value, or the content of a key.
func TestFullRefused(t *testing.T) {
	w := fullWorld(t)
	for name, c := range map[string]struct{ old, new, says string }{
		"deadlines in the wrong order":  {`stop = "2h"`, `stop = "20m"`, "deadlines.stop: must be longer than acknowledge"},
		"person of a foreign town":      {"key = \"closer.pem\"\nexpires = \"2027-03-31\"\nmunicipality = \"141003\"", "key = \"closer.pem\"\nexpires = \"2027-03-31\"\nmunicipality = \"011002\"", "person[closer-1].municipality: is not one"},
		"contact of a foreign town":     {"example\"\nmunicipality = \"141003\"", "example\"\nmunicipality = \"011002\"", "contact[city-office].municipality: is not one"},
		"PEM for a technician":          {sshKey + " somewhere", "closer.pem", "person[technician-7].key: must be a line"},
		"SSH for a closer":              {"closer.pem", sshKey, "person[closer-1].key: must be one PEM block"},
		"weak key for a closer":         {"closer.pem", "weak.pem", "person[closer-1].key: trust: an elliptic curve"},
		"no file for a closer":          {"closer.pem", "nobody.pem", "person[closer-1].key: file does not exist"},
		"both kinds of role":            {`["acknowledge", "close"]`, `["look", "close"]`, "person[closer-1].key: a person has either"},
		"staff's role for a person":     {`["acknowledge", "close"]`, `["confirm"]`, "person[closer-1].roles[1]: must be one of"},
		"another SSH kind":              {"ssh-ed25519", "ssh-rsa", "person[technician-7].key: must be a line"},
		"a cut SSH key":                 {"HR4f", "HR4", "person[technician-7].key: must be a line"},
		"two lines of SSH":              {" somewhere", `\nssh-ed25519 AAAA`, "person[technician-7].key: must be a line"},
		"a centre with a path":          {"https://centre.internal", "https://centre.internal/v1", "centre.urls[1]: must be https://HOST"},
		"a centre without TLS":          {"https://centre.internal", "http://centre.internal", "centre.urls[1]: must be https://HOST"},
		"fee below nothing":             {"fee = 250", "fee = -1", "municipality[141003].service[seal-registration].fee: must be a number from 0 to 100000 yen"},
		"fee as a text":                 {"fee = 250", `fee = "250"`, "service[seal-registration].fee: must be a number"},
		"no fee":                        {"  fee = 250\n", "", "service[seal-registration].fee: is missing"},
		"no such certificate":           {"seal-registration", "seal", "service[1].certificate: must be one of \"resident-record\""},
		"a service twice":               {"seal-registration", "family-register", "service[family-register].certificate: stands twice"},
		"hours over midnight":           {"09:00-17:00", "22:00-06:00", `service[family-register].hours: must be hours such as`},
		"no such day":                   {"12-29/01-03", "12-29/02-30", "line 15: closed[1]: must be a day or days"},
		"days backwards":                {"2027-05-03/2027-05-05", "2027-05-05/2027-05-03", "holidays[2]: must be a day or days"},
		"mixed days":                    {"2027-05-03/2027-05-05", "2027-05-03/05-05", "holidays[2]: must be a day or days"},
		"no such weekday":               {`"fri"]`, `"friday"]`, "days[5]: must be one of \"sun\""},
		"another language":              {`["en", "ja"]`, `["en", "fr"]`, "languages[2]: must be one of \"ja\", \"en\""},
		"a limit nobody can keep":       {`take_card = "62s"`, `take_card = "2s"`, "limits.take_card: must be a duration"},
		"reach by hand":                 {"tel:+81-3-0000-0000", "+81-3-0000-0000", "contact[operations].reach: must be \"tel:"},
		"a collector without a port":    {"log.operations.example:6514", "log.operations.example", "collector[operations-log].address: must be HOST:PORT"},
		"a collector on port 0":         {"log.operations.example:6514", "log.operations.example:0", "collector[operations-log].address: must be HOST:PORT"},
		"a collector nowhere":           {"log.operations.example:6514", ":6514", "collector[operations-log].address: must be HOST:PORT"},
		"a collector with a path":       {"log.operations.example:6514", "log.operations.example/x:6514", "collector[operations-log].address: must be HOST:PORT"},
		"citizens' cards as test cards": {"test-ca.pem", "card-ca.pem", "test.anchors: one has the key of one of card.anchors"},
		"the same under another name":   {"test-ca.pem", "same-key.pem", "test.anchors: one has the key of one of card.anchors"},
		"test cards of nobody":          {`["test-ca.pem"]`, "[]", "test.anchors: must be a list"},
		"a collector's lost anchor":     {"6514\"\nanchors = [\"card-ca.pem\"]", "6514\"\nanchors = [\"nothing.pem\"]", "collector[operations-log].anchors[1]: file does not exist"},
		"a collector that is anybody":   {"6514\"\nanchors = [\"card-ca.pem\"]", "6514\"\nanchors = []", "collector[operations-log].anchors: must be a list"},
		"a flag as a text":              {"printers_without_ipp = false", `printers_without_ipp = "no"`, "devices.printers_without_ipp: must be true or false"},
		"a table as a list":             {"[deadlines]", "[[deadlines]]", "deadlines: must be a table"},
		"a list as a table":             {"[[contact]]\nid = \"operations\"\nreach = \"tel:+81-3-0000-0000\"\n[[contact]]", "[contact]", "contact: must be a list of tables"},
	} {
		if !strings.Contains(full, c.old) {
			t.Fatalf("%s: %q is not in the example", name, c.old)
		}
		p, err := policy.Parse([]byte(strings.Replace(full, c.old, c.new, 1)), w.load)
		if p != nil || err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "policy: line ") {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
	}
}
