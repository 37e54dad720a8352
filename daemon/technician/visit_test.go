package technician

import (
	"bufio"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/config/site"
	"honnin/ui/console"
)

// visits makes test visits of words.
type visits struct {
	mu        sync.Mutex
	why       string
	steps     []VisitStep
	over      bool
	cancelled int
	by        string
}

func (v *visits) Begin(by string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.by = by
	return v.why
}

func (v *visits) Course(from int) Course {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.steps[min(from, len(v.steps)):]
	return Course{Steps: all[:min(len(all), MaxSteps)], Over: v.over, Outcome: "printed", Why: "paper-left"}
}

func (v *visits) Cancel() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancelled++
}

// visiting is the machine beside a daemon that makes such visits.
func visiting(t *testing.T, v *visits) *Machine {
	t.Helper()
	state := t.TempDir()
	if _, err := Listen(t.Context(), state, Daemon{Terminal: &daemon{}, Visits: v, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	return New(Options{Site: site.Site{State: state}, Now: time.Now})
}

// TestVisit: every step comes over, more than one answer holds, too, and the outcome is the last word.
func TestVisit(t *testing.T) {
	v := &visits{over: true}
	for range 2*MaxSteps + 7 {
		v.steps = append(v.steps, VisitStep{Step: "printing", State: "ok", Took: 1234})
	}
	m := visiting(t, v)
	said := typed(t, m, "visit --test-card")
	if n := strings.Count(said, `"step":"printing","state":"ok","took":1234`); n != 2*MaxSteps+7 || !strings.Contains(said, `"outcome":"printed","why":"paper-left"`) || v.by != "tech-7" || v.cancelled != 0 {
		t.Errorf("%d of %d steps, by %q, cancelled %d times: %s", n, 2*MaxSteps+7, v.by, v.cancelled, said[max(0, len(said)-300):])
	}
}

// TestVisitOfASlowDaemon: a question that gets no answer ends no test visit; a daemon that stays silent does.
func TestVisitOfASlowDaemon(t *testing.T) {
	for silent, want := range map[int]string{0: `"outcome":"printed"`, mostSilent: `"outcome":"printed"`, mostSilent + 1: `"result":"failed"`} {
		state, cancelled, asked := t.TempDir(), false, 0
		l, err := net.Listen("unix", filepath.Join(state, Socket))
		if err != nil {
			t.Fatal(err)
		}
		var served sync.WaitGroup
		served.Go(func() {
			for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
				var q question
				line, _ := bufio.NewReader(conn).ReadBytes('\n')
				if err := json.Unmarshal(line, &q); err != nil {
					t.Error(err)
				}
				if q.Ask == askCourse {
					asked++
				}
				cancelled = cancelled || q.Ask == askCancel
				if got := (answer{Course: Course{Over: asked > silent, Outcome: "printed"}}); q.Ask != askCourse || asked > silent {
					if b, err := json.Marshal(got); err == nil {
						_, _ = conn.Write(append(b, '\n'))
					}
				}
				conn.Close()
			}
		})
		said := typed(t, New(Options{Site: site.Site{State: state}, Now: time.Now}), "visit --test-card")
		l.Close()
		served.Wait()
		if !strings.Contains(said, want) || cancelled != (silent > mostSilent) {
			t.Errorf("silent %d times: cancelled %t, %s", silent, cancelled, said)
		}
	}
}

// TestVisitNot: what is not made is said in a word, and what was not asked for in full is not asked of the daemon.
func TestVisitNot(t *testing.T) {
	for why, c := range map[string]struct{ line, want string }{
		"":              {"visit", string(console.MissingArgument)},
		"busy":          {"visit --test-card", string(console.Busy)},
		"no-test-cards": {"visit --test-card", "no-test-cards"},
	} {
		v := &visits{why: why, over: true}
		m := visiting(t, v)
		if said := typed(t, m, c.line); !strings.Contains(said, `"`+c.want+`"`) || (v.by == "") != (why == "") {
			t.Errorf("%q: %s", why, said)
		}
	}
}
