package technician

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/daemon/terminal"
	"honnin/drivers/attached"
	"honnin/drivers/card"
	"honnin/drivers/card/pcsc"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// finding is what a check found. State is "ok", "failed", "soon" (it will fail), or "unknown".
type finding struct {
	check, state, why string
	of                string // one of several things that were checked; "" the whole
	do                console.Text
	took              time.Duration
	worn              *int // percent; nil: there is no measure
}

// good is the state of what nothing has to be done about. What only the journal knows is not good where it cannot be read.
func (f finding) good() bool {
	return f.state == "ok" || f.state == "unknown" && f.why != noJournal
}

const noJournal = "no-journal"

// look is what several checks look at, each found out once.
type look struct {
	*Machine
	nobody  bool           // who has not signed in looks
	policy  *signed.Policy // nil: none
	why     error          // why there is none
	live    live
	down    error // why the daemon says nothing
	journal *journal.Journal
	unread  error // why there is no journal
	way     way
	said    printerSaid // by the printer

	more []finding    // of the check that is made, besides its own
	worn *int         // what it checks, in percent
	act  console.Text // what to do, where the check knows more of it than its table
	out  string       // what of the printer's is in the way of the next visit
}

// look begins one, with what all checks need.
func (m *Machine) look(ctx context.Context) *look {
	l := m.glance(ctx)
	l.policy, l.why = m.policy()
	return l
}

// glance only asks the daemon.
func (m *Machine) glance(ctx context.Context) *look {
	l := &look{Machine: m}
	l.live, l.down = m.live(ctx)
	return l
}

// check is one check: a word for what is wrong, "" for nothing, and what to do about it by that word.
type check struct {
	name string
	do   func(l *look, ctx context.Context) (state, why string)
	says func(why string) console.Text // what to do
}

func always(act console.Text) func(string) console.Text {
	return func(string) console.Text { return act }
}

// finds makes the check.
func (c check) finds(ctx context.Context, l *look) []finding {
	begun := l.o.Now()
	l.more, l.worn, l.act = nil, nil, console.Text{}
	state, why := "unknown", wordOf(l.down)
	if !c.shares() || !l.gone() {
		state, why = c.do(l, ctx)
	}
	f := finding{check: c.name, state: state, why: why, do: c.says(why), worn: l.worn}
	if l.act != (console.Text{}) {
		f.do = l.act
	}
	f.took = l.o.Now().Sub(begun)
	return append([]finding{f}, l.more...)
}

// shares reports whether a check looks at what a practice terminal shares with its daemon.
func (c check) shares() bool {
	return slices.Contains([]string{"reader", "printer", "supplies", "centre"}, c.name)
}

// gone reports whether that is gone.
func (l *look) gone() bool { return l.o.Practice && l.down != nil }

// checks stand in the order in which to act: what is above may be the cause of what is below.
func checks() []check {
	return []check{
		{"disk", (*look).disk, diskAdvice},
		{"storage", (*look).storage, always(console.T("記憶装置を交換する手配をする。先に support で記録を持ち帰る。", "Have the storage replaced; take the records along first, with support."))},
		{"journal", (*look).chain, journalAdvice},
		{"policy", (*look).ruled, policyAdvice},
		{"config", (*look).sited, always(console.T("site.toml を直す: config diff で誤りのあるキーと行が分かる。このままでは honnind は次に起動しない。", "Mend site.toml: config diff names key and line. As it is, honnind will not start again."))},
		{"keys", (*look).keyed, keysAdvice},
		{"daemon", (*look).runs, daemonAdvice},
		{"usb", (*look).usb, obstacleAdvice},
		{"reader", (*look).reader, readerAdvice},
		{"printer", (*look).printer, advice},
		{"supplies", (*look).supplies, always(advice("marker-supply-low"))},
		{"centre", (*look).centre, centreAdvice},
		{"clock", (*look).clock, always(console.T("端末の前で時刻同期を直す (timedatectl)。", "Mend the time synchronisation at the terminal's keyboard (timedatectl)."))},
		withJournal("undelivered", (*look).unsaid, console.T("センターへの道が直れば送られる。直っても残るなら、運用センターに連絡する。", "It is sent once the way to the centre is mended; if it stays after that, call the operator.")),
		withJournal("staff", (*look).staff, console.T("排紙トレイと通り道を見て空にし、printer path-empty と入力する。", "Look into tray and path, empty them, and type printer path-empty.")),
		withJournal("incidents", (*look).raised, console.T("incidents で意味を読む。閉じるのはポリシーにある人だけ。", "Read what they mean with incidents; only who the policy names closes them.")),
		withJournal("service-off", (*look).byHand, console.T("修理が終わったら service on。", "Type service on when the repair is done.")),
		{"service", (*look).serves, always(console.T("上のことが済めば始まる。", "It begins once what is above is done."))},
	}
}

// bearing is how the daemon bears itself.
type bearing struct{ state, why, down string }

func (l *look) bearing() (b bearing) {
	b.down = wordOf(l.down)
	b.state, b.why = l.live.state()
	return b
}

// examine runs all checks, in their order. What was found a moment ago is not looked for again for who has not signed in, unless the
// daemon bears itself otherwise now: which no stranger has it do.
func (m *Machine) examine(ctx context.Context, who console.Who) []finding {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.glance(ctx)
	is := l.bearing()
	if age := m.o.Now().Sub(m.looked); who.Role == console.Nobody && age >= 0 && age < stale && is == m.bore {
		return m.found
	}
	l.policy, l.why = m.policy()
	l.nobody = who.Role == console.Nobody
	if l.journal, l.unread = m.book(); l.unread == nil {
		defer l.journal.Close()
	}
	if !l.gone() {
		l.way = m.reach(ctx, l.policy, l.why)
	}
	var found []finding
	for _, c := range checks() {
		found = append(found, c.finds(ctx, l)...)
	}
	if ctx.Err() == nil {
		m.found, m.looked, m.bore, m.model = found, m.o.Now(), is, l.said.Model
	}
	return found
}

// doctor says what is wrong, what to do about it in order, and what changed since somebody was here.
func (m *Machine) doctor(ctx context.Context, who console.Who, _ console.Call, a *console.Answer) error {
	found := m.examine(ctx, who)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	shown := map[string]bool{}
	for _, f := range found {
		if f.of != "" && (f.good() || shown[f.check+" "+f.why]) { // the report has it
			continue
		}
		shown[f.check+" "+f.why] = true
		if err := a.Row("doctor.check", word(f.check), word(f.state), word(f.why), console.Span(f.took)); err != nil {
			return err
		}
	}
	step := 0
	said := map[console.Text]bool{}
	for _, f := range found {
		if f.good() || said[f.do] {
			continue
		}
		said[f.do] = true
		step++
		if err := a.Row("doctor.do", console.Number(step), word(f.check), console.Says(f.do)); err != nil {
			return err
		}
	}
	visit, err := m.changed(ctx, who, found, a)
	if err != nil {
		return err
	}
	verdict := "well"
	if step > 0 {
		verdict = "act"
	}
	return a.Row("doctor.verdict", word(verdict), console.Number(step), console.At(visit), console.At(m.lookedAt()))
}

// lookedAt is when what is shown was found.
func (m *Machine) lookedAt() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.looked
}

func (l *look) runs(context.Context) (string, string) {
	owed := terminal.Owing{Path: filepath.Join(l.o.Site.State, terminal.OwedFile)}
	switch {
	case l.gone():
		l.act = console.T("練習の世界が止まっている。make run で起動し直す。", "The practice world has ended: start it again with make run.")
	case wordOf(l.down) == string(console.DaemonDown) && errors.Is(owed.Readable(), terminal.ErrOwed):
		l.act = console.T("ジャーナルに書けなかった事故のファイルを読めないため、honnind は始まらない (状態ディレクトリの owed)。owed を写し取り、運用センターに連絡する。消さない。", "honnind does not start, since the file of an incident that the journal did not take cannot be read (owed, in the state directory). Copy owed, and call the operator. Do not delete it.")
	}
	return stateOf(wordOf(l.down)), wordOf(l.down)
}

// Room below which a disk is full, and is full soon: a visit's entries, documents and logs of some days, and of some weeks.
const (
	leastRoom = 200 << 20
	soonRoom  = 5 * leastRoom
)

func (l *look) disk(context.Context) (string, string) {
	var s unix.Statfs_t
	if err := unix.Statfs(l.o.Site.State, &s); err != nil {
		return "failed", wordOf(err)
	}
	l.worn = share(s.Blocks-s.Bfree, s.Blocks-s.Bfree+s.Bavail)
	switch room := s.Bavail * uint64(s.Bsize); {
	case s.Flags&unix.ST_RDONLY != 0:
		return "failed", "read-only"
	case room < leastRoom:
		return "failed", "full"
	case room < soonRoom:
		return "soon", "almost-full"
	}
	return "ok", ""
}

// neverRan reports whether there is no journal because no daemon ran here: one that runs has one, and so had one that ran.
func neverRan(unread, down error) bool {
	return reasonOf(unread) == "missing" && wordOf(down) == string(console.DaemonDown)
}

// blank is what is known without a journal.
func (l *look) blank() (state, why string) {
	if neverRan(l.unread, l.down) {
		return "unknown", "never-ran"
	}
	return "unknown", noJournal
}

// withJournal is a check of what only the journal knows.
func withJournal(name string, do func(*look, context.Context) (state, why string), act console.Text) check {
	return check{name, do, func(why string) console.Text {
		if why == noJournal {
			return console.T("先に journal のことを済ませる。", "First do what stands at journal.")
		}
		return act
	}}
}

func (l *look) chain(ctx context.Context) (string, string) {
	if l.unread != nil {
		if state, why := l.blank(); why != noJournal {
			return state, why
		}
		return "failed", reasonOf(l.unread)
	}
	l.worn = journalShare(l.o.Site.State)
	if l.nobody { // all of it takes seconds
		err := l.journal.Prove()
		return stateOf(wordOf(err)), wordOf(err)
	}
	_, _, err := l.journal.VerifyContext(ctx)
	return stateOf(wordOf(err)), wordOf(err)
}

func (l *look) ruled(context.Context) (string, string) {
	if l.why != nil {
		return "failed", wordOf(l.why)
	}
	if _, soon := l.policy.Ends(l.o.Now()); soon {
		return "soon", "policy-ends"
	}
	return "ok", ""
}

func (l *look) keyed(context.Context) (string, string) {
	k, err := l.o.Keys()
	if err != nil {
		return "failed", wordOf(err)
	}
	states, err := k.Show()
	if err != nil {
		return "failed", wordOf(err)
	}
	for _, s := range states {
		switch left := s.Until.Sub(l.o.Now()); {
		case s.Until.IsZero():
			return "failed", "key-missing"
		case left <= 0:
			return "failed", "key-expired"
		case l.policy != nil && left < l.policy.TerminalWarning():
			return "soon", "key-ends"
		}
	}
	return "ok", ""
}

// usb says what is in the way of what is plugged in, each kind once. A terminal of another kind has nothing there.
func (l *look) usb(ctx context.Context) (state, why string) {
	all, err := l.devices(ctx)
	if err != nil {
		return "unknown", wordOf(err)
	}
	var codes []attached.Code
	for _, d := range all {
		for _, o := range l.inTheWay(d) {
			if l.allowed(d) && !slices.Contains(codes, o.Code) {
				codes = append(codes, o.Code)
			}
		}
	}
	if len(codes) == 0 {
		return "ok", ""
	}
	for _, c := range codes[1:] {
		l.more = append(l.more, finding{check: "usb", state: "failed", why: string(c), do: obstacleAdvice(string(c))})
	}
	return "failed", string(codes[0])
}

// devices asks the bus, and waits for its answer as long as a look takes.
func (m *Machine) devices(ctx context.Context) ([]attached.Device, error) {
	ctx, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	return attached.List(ctx, m.o.Bus)
}

// reader goes by what the daemon found last. Without a daemon it looks whether there is one that can be used.
func (l *look) reader(ctx context.Context) (string, string) {
	if ready, asked := l.live.Ready["reader"]; asked && l.down == nil {
		return readyState(ready, "not-ready")
	}
	if l.down == nil && l.live.Reader.Card != nil { // a reader that is in trouble does not say
		return "ok", ""
	}
	if l.o.Present != nil {
		return l.present(ctx)
	}
	all, err := l.devices(ctx)
	if err != nil {
		return "unknown", wordOf(err)
	}
	for _, d := range all {
		for _, r := range d.Readers {
			if r.Unusable == "" && l.allowed(d) {
				return "ok", ""
			}
		}
	}
	return "failed", "none"
}

// present asks pcscd, which disturbs nobody, and keeps whether a card lies there.
func (l *look) present(ctx context.Context) (state, why string) {
	ctx, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	is, err := l.o.Present(ctx)
	if err != nil {
		return "failed", readerWord(err)
	}
	l.live.Reader.Card = &is
	return "ok", ""
}

func readerWord(err error) string {
	switch {
	case errors.Is(err, pcsc.ErrService):
		return "no-card-service"
	case errors.Is(err, pcsc.ErrHung):
		return "not-answering"
	case errors.Is(err, card.ErrNoReader):
		return "none"
	}
	return wordOf(err)
}

func readyState(ready bool, why string) (string, string) {
	if ready {
		return "ok", ""
	}
	return "failed", why
}

func (l *look) centre(context.Context) (string, string) {
	s := l.way.failed()
	if s.name == "clock" {
		return "ok", ""
	}
	return stateOf(s.why), s.why
}

// clock is right if it agrees with the centre's; without that, if the kernel says that somebody sets it (adjtimex(2)).
func (l *look) clock(context.Context) (string, string) {
	if l.way.heard {
		return readyState(l.way.ahead.Abs() <= l.way.allowed, "clock-differs")
	}
	var t unix.Timex
	if state, err := unix.Adjtimex(&t); err != nil || state == unix.TIME_ERROR {
		return "unknown", "not-synchronised"
	}
	return "ok", ""
}

func (l *look) unsaid(context.Context) (string, string) {
	if l.unread != nil {
		return l.blank()
	}
	all, err := l.journal.Outbox()
	if err != nil {
		return "failed", wordOf(err)
	}
	if len(all) > 0 && l.o.Now().Sub(all[0].At.Time) > time.Minute {
		return "failed", "waiting"
	}
	return "ok", ""
}

func (l *look) staff(context.Context) (string, string) {
	if l.unread != nil {
		return l.blank()
	}
	why, err := l.journal.StaffNeeded()
	if err != nil {
		why = wordOf(err)
	}
	return stateOf(why), why
}

func (l *look) raised(context.Context) (string, string) {
	if l.unread != nil {
		return l.blank()
	}
	latches, err := l.journal.Latches()
	if err == nil && len(latches) > 0 {
		return "failed", "service-stopped"
	}
	open, err2 := l.journal.Incidents(0, 1)
	if err := errors.Join(err, err2); err != nil {
		return "failed", wordOf(err)
	}
	return readyState(len(open) == 0, "open")
}

// byHand says whether a technician stopped the service.
func (l *look) byHand(context.Context) (string, string) {
	if l.unread != nil {
		return l.blank()
	}
	e, err := l.journal.ServiceOff()
	if err != nil {
		return "failed", wordOf(err)
	}
	return readyState(e.Kind != journal.ServiceOff, "by-a-technician")
}

func (l *look) serves(context.Context) (string, string) {
	if l.down != nil {
		return "failed", wordOf(l.down)
	}
	switch state, why := l.live.state(); {
	case state != "in-service":
		return "failed", cmp.Or(why, state)
	case l.out != "": // it is looked at before the next visit
		l.act = console.T("上のことが済むまで、次の訪問は始まらない。", "No other visit begins before what is above is done.")
		return "soon", l.out
	}
	return "ok", ""
}
