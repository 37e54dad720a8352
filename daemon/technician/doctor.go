package technician

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/drivers/attached"
	"honnin/drivers/printer"
	"honnin/spool/journal"
	"honnin/ui/console"
)

// finding is what a check found. State is "ok", "failed", "soon" (it will fail), or "unknown".
type finding struct {
	check, state, why string
	do                console.Text
	took              time.Duration
}

// good is the state of what nothing has to be done about.
func (f finding) good() bool { return f.state == "ok" || f.state == "unknown" }

// look is what several checks look at, each found out once.
type look struct {
	*Machine
	policy  *signed.Policy // nil: none
	why     error          // why there is none
	live    live
	down    error // why the daemon says nothing
	journal *journal.Journal
	unread  error // why there is no journal
	way     way
}

// check is one check: a word for what is wrong, "" for nothing, and what to do about it.
type check struct {
	name string
	do   func(l *look, ctx context.Context) (state, why string)
	act  console.Text
}

// checks stand in the order in which to act: what is above may be the cause of what is below.
func checks() []check {
	return []check{
		{"disk", (*look).disk, console.T("状態ディレクトリのディスクを空ける。", "Make room on the disk of the state directory.")},
		{"journal", (*look).chain, console.T("端末を止めたまま journal.db を写し取り、運用センターに連絡する。消さない。", "Leave the terminal closed, copy journal.db, and call the operator. Do not delete it.")},
		{"policy", (*look).ruled, console.T("次のポリシーを入れる: 現場の頁の honnind policy receive。", "Bring the next policy: honnind policy receive, as on the page for field staff.")},
		{"keys", (*look).keyed, console.T("鍵を更新する: honnind keys renew。", "Renew the terminal's keys: honnind keys renew.")},
		{"daemon", (*look).runs, console.T("honnind を起動する (systemctl start honnind)。起動しなければログの最後を見る。", "Start honnind (systemctl start honnind); if it does not stay up, read the end of its log.")},
		{"usb", (*look).usb, console.T("妨げを取り除く: usb で何かが分かる。", "Remove what is in the way: usb says what.")},
		{"reader", (*look).reader, console.T("リーダーのケーブルと、カードが置かれたままでないかを見る。次に usb。", "Look at the reader's cable, and that no card lies on it; then usb.")},
		{"printer", (*look).printer, console.T("プリンターの表示を見る: 電源、紙、紙詰まり、残ったジョブ。", "Look at the printer's panel: power, paper, a jam, jobs left.")},
		{"centre", (*look).centre, console.T("回線、名前解決、証明書の期限を見る。", "Look at the line, the name service, and the certificates' ends.")},
		{"clock", (*look).clock, console.T("時刻同期を直す (timedatectl)。", "Mend the time synchronisation (timedatectl).")},
		{"undelivered", (*look).unsaid, console.T("センターへの道が直れば送られる。直っても残るなら、運用センターに連絡する。", "It is sent once the way to the centre is mended; if it stays after that, call the operator.")},
		{"staff", (*look).staff, console.T("排紙トレイと通り道を見て空にし、printer path-empty と入力する。", "Look into tray and path, empty them, and type printer path-empty.")},
		{"incidents", (*look).raised, console.T("incidents で意味を読む。閉じるのはポリシーにある人だけ。", "Read what they mean with incidents; only who the policy names closes them.")},
		{"service-off", (*look).byHand, console.T("修理が終わったら service on。", "Type service on when the repair is done.")},
		{"service", (*look).serves, console.T("上のことが済めば始まる。", "It begins once what is above is done.")},
	}
}

// examine runs all checks, in their order. What was found a moment ago is not looked for again for who has not signed in.
func (m *Machine) examine(ctx context.Context, who console.Who) []finding {
	m.mu.Lock()
	defer m.mu.Unlock()
	if age := m.o.Now().Sub(m.looked); who.Role == console.Nobody && age >= 0 && age < stale {
		return m.found
	}
	l := &look{Machine: m}
	l.policy, l.why = m.policy()
	l.live, l.down = m.live(ctx)
	if l.journal, l.unread = m.book(); l.unread == nil {
		defer l.journal.Close()
	}
	l.way = m.reach(ctx, l.policy)
	var found []finding
	for _, c := range checks() {
		begun := m.o.Now()
		state, why := c.do(l, ctx)
		found = append(found, finding{c.name, state, why, c.act, m.o.Now().Sub(begun)})
	}
	if ctx.Err() == nil {
		m.found, m.looked = found, m.o.Now()
	}
	return found
}

// doctor says what is wrong, what to do about it in order, and what changed since somebody was here.
func (m *Machine) doctor(ctx context.Context, who console.Who, _ console.Call, a *console.Answer) error {
	found := m.examine(ctx, who)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, f := range found {
		if err := a.Row("doctor.check", word(f.check), word(f.state), word(f.why), console.Span(f.took)); err != nil {
			return err
		}
	}
	step := 0
	for _, f := range found {
		if f.good() {
			continue
		}
		step++
		if err := a.Row("doctor.do", console.Number(step), word(f.check), console.Says(f.do)); err != nil {
			return err
		}
	}
	visit, err := m.changed(ctx, who, a)
	if err != nil {
		return err
	}
	verdict := "well"
	if step > 0 {
		verdict = "act"
	}
	return a.Row("doctor.verdict", word(verdict), console.Number(step), console.At(visit))
}

func (l *look) runs(context.Context) (string, string) { return stateOf(wordOf(l.down)), wordOf(l.down) }

// leastRoom is the room below which a disk is full soon: a visit's entries, documents and logs of some days.
const leastRoom = 200 << 20

func (l *look) disk(context.Context) (string, string) {
	var s unix.Statfs_t
	if err := unix.Statfs(l.o.Site.State, &s); err != nil {
		return "failed", wordOf(err)
	}
	if s.Flags&unix.ST_RDONLY != 0 {
		return "failed", "read-only"
	}
	if s.Bavail*uint64(s.Bsize) < leastRoom {
		return "failed", "full"
	}
	return "ok", ""
}

func (l *look) chain(context.Context) (string, string) {
	if l.unread != nil {
		var f *console.Failure
		if errors.As(l.unread, &f) && f.Why == "missing" {
			return "unknown", "never-ran"
		}
		return "failed", "unreadable"
	}
	_, _, err := l.journal.Verify()
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

// usb says whether something is in the way of what is plugged in. A terminal of another kind has nothing there.
func (l *look) usb(ctx context.Context) (string, string) {
	all, err := l.devices(ctx)
	if err != nil {
		return "unknown", wordOf(err)
	}
	for _, d := range all {
		if len(d.InTheWay) > 0 && l.allowed(d) {
			return "failed", "in-the-way"
		}
	}
	return "ok", ""
}

// devices asks the bus, and waits for its answer as long as a look takes.
func (m *Machine) devices(ctx context.Context) ([]attached.Device, error) {
	ctx, stop := context.WithTimeout(ctx, lookTime)
	defer stop()
	return attached.List(ctx, m.o.Bus)
}

// pcscd is where the machine's own card service listens.
const pcscd = "/run/pcscd/pcscd.comm"

// reader goes by what the daemon found last. Without a daemon it looks whether there is one that can be used.
func (l *look) reader(ctx context.Context) (string, string) {
	if ready, asked := l.live.Ready["reader"]; asked && l.down == nil {
		return readyState(ready, "not-ready")
	}
	if strings.HasPrefix(l.o.Site.Reader, "pcsc") {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", pcscd)
		if err != nil {
			return "failed", "no-card-service"
		}
		_ = c.Close()
		return "ok", ""
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

func readyState(ready bool, why string) (string, string) {
	if ready {
		return "ok", ""
	}
	return "failed", why
}

// printer asks the device itself. One on USB belongs to the daemon while that runs: then what it found last counts.
func (l *look) printer(ctx context.Context) (string, string) {
	a, err := printer.Parse(l.o.Site.Printer.Address)
	switch {
	case err != nil:
		return "failed", "bad-address"
	case l.policy == nil:
		return "unknown", "no-policy"
	case a.Kind == printer.USB && l.down == nil:
		ready, asked := l.live.Ready["printer"]
		if !asked {
			return "unknown", "not-asked"
		}
		return readyState(ready, cmp.Or(l.live.Why, "not-ready"))
	}
	r, err := l.ready(ctx, l.policy)
	if err != nil {
		return "failed", cmp.Or(r.Reason, wordOf(err))
	}
	return readyState(r.Ready, cmp.Or(r.Reason, "not-ready"))
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
		return "unknown", "no-journal"
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
		return "unknown", "no-journal"
	}
	why, err := l.journal.StaffNeeded()
	if err != nil {
		why = wordOf(err)
	}
	return stateOf(why), why
}

func (l *look) raised(context.Context) (string, string) {
	if l.unread != nil {
		return "unknown", "no-journal"
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
		return "unknown", "no-journal"
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
	return readyState(l.live.InService, cmp.Or(l.live.Why, "out-of-service"))
}
