package panel

import (
	"slices"
	"strings"

	"honnin/config/protocol"
	"honnin/daemon/practice"
	"honnin/daemon/practice/people"
	"honnin/daemon/practice/scenario"
	"honnin/ui/touch"
)

// Lever changes the policy of the practice world.
type Lever struct {
	ID, Ja, En, JaWhy, Why string
	On                     func() bool
	Pull                   func() error
}

// Have puts levers beside the scenarios.
func (p *Panel) Have(l ...Lever) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.levers = l
}

// Play pulls a lever, or puts a scenario's program into its municipality, or takes it back if it is there.
func (p *Panel) Play(id string) error {
	if id == "" {
		return practice.ErrScenario
	}
	p.mu.Lock()
	i := slices.IndexFunc(p.levers, func(l Lever) bool { return l.ID == id })
	levers := p.levers
	p.mu.Unlock()
	if i >= 0 {
		return levers[i].Pull()
	}
	if p.world.Playing() == scenario.ID(id) {
		id = ""
	}
	return p.world.Play(scenario.ID(id))
}

func (p *Panel) scenarios() (out []touch.Scenario) {
	playing := p.world.Playing()
	for _, s := range scenario.All() {
		shown := touch.Scenario{ID: string(s.ID), Ja: s.Where.Ja + " " + s.When.Ja, En: s.Where.En + ", " + s.When.En, JaWhy: s.Cause.Ja, Why: s.Cause.En,
			On: s.ID == playing, OtherPlaces: !slices.Contains(s.Channels, p.channel)}
		if shown.On {
			shown.JaHow, shown.How = p.how(s)
		}
		out = append(out, shown)
	}
	return out
}

func (p *Panel) policies() (out []touch.Scenario) {
	for _, l := range p.levers {
		out = append(out, touch.Scenario{ID: l.ID, Ja: l.Ja, En: l.En, JaWhy: l.JaWhy, Why: l.Why, On: l.On()})
	}
	return out
}

// staffCode says how the practice world's member of staff confirms a name at a counter.
func (p *Panel) staffCode() string {
	if p.channel != protocol.Counter {
		return ""
	}
	return "職員番号 " + practice.StaffID + "、個人コード " + practice.StaffCode + "。 Staff " + practice.StaffID + " confirms names with the code " + practice.StaffCode + "."
}

// how says with whose card, and for what, a visit meets a scenario.
func (p *Panel) how(s scenario.Scenario) (ja, en string) {
	var who []string
	for _, x := range p.world.People() {
		if x.Ordinary && slices.Contains(x.Asks, practice.Ask{Municipality: s.Municipality, Certificate: s.Certificate}) {
			who = append(who, x.ID)
		}
	}
	ids, town := strings.Join(who, " "), s.Municipality
	ja, en = string(town), string(town)
	for _, t := range people.Towns() {
		if t.Code == town {
			ja, en = t.Name.Ja, t.Name.En
		}
	}
	return ids + " のカードで、" + ja + "の" + japanese[s.Certificate] + "を申し込んでください。",
		"Ask for " + en + "’s " + strings.ReplaceAll(string(s.Certificate), "-", " ") + ", with the card of " + ids + "."
}

// japanese names the certificates that scenarios are played with.
var japanese = map[protocol.Certificate]string{
	protocol.ResidentRecord: "住民票の写し", protocol.SealRegistration: "印鑑登録証明書",
	protocol.FamilyRegister: "戸籍全部事項証明書", protocol.FamilyRegisterPersonal: "戸籍個人事項証明書",
}
