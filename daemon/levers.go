package main

import (
	"strings"
	"sync"

	"honnin/config/protocol"
	"honnin/daemon/practice/panel"
	"honnin/daemon/practice/people"
)

// levers publish practice policies from the panel: a terminal beside it goes by each as soon as no visit is in hand.
type levers struct {
	stage *stage
	town  people.Town

	mu                     sync.Mutex
	cheap, closed, demands bool
}

// cheapFee is less than every town asks.
const cheapFee = 100

func (s *stage) levers() []panel.Lever {
	l := &levers{stage: s, town: people.Towns()[1]}
	ja, en := l.town.Name.Ja, l.town.Name.En
	return []panel.Lever{
		{ID: "policy-fee", Ja: ja + "の手数料", En: "A fee in " + en, JaWhy: "住民票の写しが100円になる", Why: "resident records cost 100 yen",
			On: l.is(&l.cheap), Pull: l.turn(&l.cheap)},
		{ID: "policy-closed", Ja: "全日休止", En: "Closed", JaWhy: "毎日が取扱時間外になる", Why: "no service on any day of the year", On: l.is(&l.closed), Pull: l.turn(&l.closed)},
		{ID: "policy-minimum", Ja: "最低の版", En: "The centre’s minimum", JaWhy: "センターが次の版を求め、出るまで利用できない", Why: "the next version is demanded, and not there yet",
			On: l.is(&l.demands), Pull: l.demand},
	}
}

func (l *levers) is(on *bool) func() bool {
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return *on
	}
}

// turn publishes a policy in which one thing is otherwise.
func (l *levers) turn(what *bool) func() error {
	return func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		*what = !*what
		text := l.stage.text()
		if l.cheap {
			text = withFees(text, l.town, protocol.ResidentRecord, cheapFee)
		}
		if l.closed {
			text = strings.Replace(text, "version = 1\n", "version = 1\nclosed = [\"01-01/12-31\"]\n", 1)
		}
		_, err := l.stage.publish(text)
		l.demands = l.demands && err != nil // it is there now
		return err
	}
}

func (l *levers) demand() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.demands = true
	l.stage.world.Demand(l.stage.office.last.Head.Version + 1)
	return nil
}
