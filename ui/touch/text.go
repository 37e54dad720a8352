package touch

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/tokyo"
)

//go:embed locales/*.toml
var locales embed.FS

// texts speaks one language. A key without a text is an error, never an English text on a Japanese screen: each
// language has a bundle of its own, so nothing can fall through to the other.
type texts struct {
	lang Language
	loc  *i18n.Localizer
}

func loadTexts(l Language) (*texts, error) {
	b := i18n.NewBundle(language.MustParse(string(l)))
	b.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	if _, err := b.LoadMessageFileFS(locales, "locales/"+string(l)+".toml"); err != nil {
		return nil, fmt.Errorf("touch: texts: %w", err)
	}
	return &texts{l, i18n.NewLocalizer(b, string(l))}, nil
}

// say returns the text of key; fields are pairs of a placeholder's name and its value. Count also chooses the plural.
func (t *texts) say(key string, fields ...any) (string, error) {
	data := map[string]any{}
	for i := 0; i+1 < len(fields); i += 2 {
		data[fmt.Sprint(fields[i])] = fields[i+1]
	}
	lc := i18n.LocalizeConfig{MessageID: key, TemplateData: data}
	if n, ok := data["Count"].(int); ok { // a pattern has "#" there
		lc.PluralCount = n
	}
	return t.loc.Localize(&lc)
}

// sayOr returns the text of the first key that has one.
func (t *texts) sayOr(fallback, key string, fields ...any) (string, error) {
	if s, err := t.say(key, fields...); err == nil {
		return s, nil
	}
	return t.say(fallback, fields...)
}

// orRaw returns the text of key, or raw: for words that municipalities may add to.
func (t *texts) orRaw(raw, key string, fields ...any) string {
	if s, err := t.say(key, fields...); err == nil {
		return s
	}
	return raw
}

func (t *texts) name(n protocol.Names) string {
	if t.lang == English && n.En != "" {
		return n.En
	}
	return n.Ja
}

func (t *texts) certificate(c protocol.Certificate) (string, error) {
	return t.say("certificate." + string(c))
}

func (t *texts) optionName(name string) string { return t.orRaw(name, "option."+name) }

func (t *texts) optionValue(name string, o protocol.Option) string {
	switch {
	case o == protocol.Bool(true):
		return t.orRaw("○", "option-value.true")
	case o == protocol.Bool(false):
		return t.orRaw("×", "option-value.false")
	case name == "year":
		return t.orRaw(o.Text(), "option-value.year", "Year", o.Text())
	}
	return t.orRaw(o.Text(), "option-value."+name+"-"+o.Text())
}

// when is a day and a minute in Japan.
func (t *texts) when(at time.Time) string {
	return at.In(tokyo.Zone()).Format(map[Language]string{Japanese: "1月2日 15:04", English: "2 January, 15:04"}[t.lang])
}

// why says why an offer is not available; a word nobody thought of gets a general text.
func (t *texts) why(o protocol.Offer) (string, error) {
	if o.Why == "closed" && o.Hours == "" {
		return t.say("choose.why.shut")
	}
	return t.sayOr("choose.why.unknown", "choose.why."+o.Why, "Hours", o.Hours)
}

// yen writes an amount as people read it: 1,200円.
func (t *texts) yen(n int) (string, error) {
	if n == 0 {
		return t.say("money.free")
	}
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return t.say("money.yen", "Yen", s)
}

// message is the text of a screen that has several, chosen by m.
func (t *texts) message(n Name, m Message) (string, error) {
	fallback := string(n) + ".unknown"
	if n == Done {
		fallback = "done.lead"
	}
	return t.sayOr(fallback, string(n)+"."+string(m))
}

// refusals are the texts for a reason of which more can be said than its class says. None says more than the rule
// behind its reason has proved.
var refusals = map[reason.Code]string{
	reason.SubjectMismatch: "person", reason.RegisterMismatch: "record", reason.TagMismatch: "page",
	reason.RegisterOtherTransaction: "unconfirmed", reason.IssuerUnpatched: "unpatched", reason.RecordSuperseded: "superseded",
}

// refusal says, without blame, why a document was not printed.
func (t *texts) refusal(c reason.Code) (string, error) {
	word, ok := refusals[c]
	if !ok {
		word = map[reason.Class]string{reason.MixedUp: "mixed", reason.Forged: "forged", reason.Defective: "defective",
			reason.Late: "late", reason.Card: "card"}[c.Class()]
	}
	return t.sayOr("refused.unconfirmed", "refused."+word)
}

// next says what a person can do after a refusal.
func (t *texts) next(c reason.Code) (string, error) {
	switch class := c.Class(); {
	case class.StopsService():
		return t.say("refused.now-stopped")
	case class == reason.Late:
		return t.say("refused.now-again")
	case class == reason.Card:
		return t.say("refused.now-office")
	}
	return t.say("refused.now-later")
}

// pattern is the text of key with "#" for the number that the browser counts down.
func (t *texts) pattern(key string) (string, error) { return t.say(key, "Seconds", "#") }

func fill(pattern string, n int) string { return strings.Replace(pattern, "#", strconv.Itoa(n), 1) }
