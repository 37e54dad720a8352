package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"honnin/config/policy/signed"
	"honnin/config/policy/signed/signedtest"
	"honnin/config/site"
	"honnin/daemon/provision"
	"honnin/daemon/session"
	"honnin/daemon/technician"
	"honnin/drivers/serial"
	"honnin/drivers/serial/serialtest"
)

// deafPrinter takes connections and says nothing: from its first one on, a command that looks at it is in the middle.
func deafPrinter(t *testing.T) (address string, asked <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	came := make(chan struct{}, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			came <- struct{}{}
		}
	}()
	return "ipp://" + l.Addr().String() + "/ipp/print", came
}

// TestConsoleCutInMidCommand: whoever is cut off while the terminal looks at something, by a line that hangs up or a console
// that is killed, is not signed in any more, and nobody has the seat or the line.
func TestConsoleCutInMidCommand(t *testing.T) {
	for name, cut := range map[string]func(t *testing.T, far *os.File, c *exec.Cmd){
		"hung up": func(t *testing.T, far *os.File, _ *exec.Cmd) { _ = far.Close() },
		"killed": func(t *testing.T, far *os.File, c *exec.Cmd) {
			_ = c.Process.Kill()
			_ = c.Wait()
			_ = far.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			printer, asked := deafPrinter(t)
			o := newTechnicians(t, printer)
			o.ran(t)
			link, to := serialtest.Link(t)
			line := serialtest.New(t)
			to(line.Device)
			c := o.onALine(t, link)
			s := watch(t, line.Far)
			s.until("honnin console", "honnin> ")
			s.login(o, "look")
			s.send("printer\r")
			<-asked
			cut(t, line.Far, c)
			line = serialtest.New(t)
			to(line.Device)
			if name == "killed" {
				o.onALine(t, link)
			}
			s = watch(t, line.Far)
			s.until("honnin console", "honnin> ")
			s.login(o, "look")
			want := []string{"in tech-7 look", "did tech-7 printer", "out tech-7 hang-up", "in tech-7 look"}
			if name == "killed" { // the dead say nothing
				want = slices.Delete(want, 2, 3)
			}
			if got := o.journalled(t); !slices.Equal(got, want) {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestConsoleDaemonKilled: the daemon dies while a command waits for it. The command fails with a word, and the console goes on by itself.
func TestConsoleDaemonKilled(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	d := o.runs(t)
	s, _ := o.console(t)
	s.login(o, "service")
	sockets := func() int { // that which listens, and one for each who asks
		b, err := os.ReadFile("/proc/net/unix")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(b), filepath.Join(o.dir, "state", technician.Socket))
	}
	awaitTrue(t, "the daemon to hang up on who asked before", func() bool { return sockets() == 1 })
	if err := d.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.send("service off --yes\r")
	awaitTrue(t, "the console to ask the daemon", func() bool { return sockets() > 1 })
	_ = d.Process.Kill()
	_ = d.Wait()
	s.until("! daemon-down: ", "service> ")
	if r := row(t, s.says("status", "> "), "status.terminal", "state", "down"); r["why"] != "daemon-down" {
		t.Error(r)
	}
	if got := o.journalled(t); !slices.Equal(got, []string{"in tech-7 service", "noted tech-7 did.service.off", "did tech-7 status"}) {
		t.Errorf("%q", got)
	}
}

func awaitTrue(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !is(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("waited in vain for ", what)
		}
	}
}

// TestConsoleKeyTakenAway: who is signed in when a policy without them comes into force may nothing from then on.
func TestConsoleKeyTakenAway(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	s, _ := o.console(t)
	s.login(o, "service")
	first := o.signer.Text(signedtest.Head{})
	o.signer.Body, _, _ = strings.Cut(o.signer.Body, "\n[[person]]\nid = \"tech-7\"")
	second := o.signer.Bundle(o.signer.Text(signedtest.Head{Version: 2, After: first}))
	if _, err := o.store(t).Receive([]signed.Bundle{second}, provision.ByFile); err != nil {
		t.Fatal(err)
	}
	s.says("reader", "service> ") // it is not in force yet
	o.applied(t)
	s.send("reader\r")
	s.until("! expired-key: ", "honnin> ")
	s.send("login look\r")
	s.send(o.sign(t, s.until("Paste the signature", "\r\n")))
	s.until("! unknown-key: ", "honnin> ")
	if got := o.journalled(t); !slices.Equal(got, []string{"in tech-7 service", "did tech-7 reader", "out tech-7 expired-key", "refused  unknown-key"}) {
		t.Errorf("%q", got)
	}
}

// TestConsoleOneTechnician: the line and the keyboard have one seat. Who sends wrong signatures waits longer each time, over a hang-up, too.
func TestConsoleOneTechnician(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	link, to := serialtest.Link(t)
	plug := func() (*seen, *os.File) {
		line := serialtest.New(t)
		to(line.Device)
		return watch(t, line.Far), line.Far
	}
	s, far := plug()
	o.onALine(t, link)
	s.until("honnin console", "honnin> ")
	keyboard, _ := o.console(t)
	s.login(o, "look")
	keyboard.send("login look\r")
	keyboard.send(o.sign(t, keyboard.until("Paste the signature", "\r\n")))
	keyboard.until("! seat-taken: ", "honnin> ")
	_ = far.Close()
	s, far = plug()
	s.until("honnin console", "honnin> ")
	keyboard.login(o, "look")
	keyboard.send("logout\r")
	keyboard.until("Signed out", "honnin> ")

	for n, wait := range []string{"1 seconds", "2 seconds"} {
		for said := ""; !strings.Contains(said, "Paste the signature"); {
			s.send("login look\r")
			awaitTrue(t, "an answer", func() bool {
				said = s.text()
				return strings.Contains(said, "(within 2") || strings.Contains(said, "! wait: ")
			})
			s.until("\r\n", "")
		}
		s.send("nonsense\r")
		if said := s.until("! bad-armour: ", "honnin> "); !strings.Contains(said, wait) {
			t.Errorf("%d: %q", n, said)
		}
		_ = far.Close()
		s, far = plug()
		s.until("honnin console", "honnin> ")
	}
}

// served is a terminal in this process, and a technician at its console in another.
func served(t *testing.T) (*stand, *seen) {
	t.Helper()
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.applied(t)
	st := newStand(t, t.TempDir(), nil)
	state := filepath.Dir(st.place.file)
	_, err := technician.Listen(t.Context(), state, technician.Daemon{Terminal: st.Terminal, Journal: st.place.journal, Software: "honnind", Now: time.Now})
	st.must(err)
	o.stateAt(t, state)
	s, _ := o.console(t)
	s.login(o, "service")
	return st, s
}

// TestConsoleServiceOffDuringAVisit: whoever is being served gets their paper; the next one is not served.
func TestConsoleServiceOffDuringAVisit(t *testing.T) {
	st, s := served(t)
	asked := false // a finger may press twice
	st.hand.instead[session.PressChoose] = func() bool {
		asked = true
		row(t, s.says("service off --yes", "service> "), "service.state", "state", "out-of-service")
		return false
	}
	st.prints("p01")
	st.await("the service to be stopped", func(v session.View) bool { return v.State == session.Unready && v.Word == "stopped" })
	row(t, s.says("service on", "service> "), "service.state", "state", "in-service")
	delete(st.hand.instead, session.PressChoose)
	st.prints("p04")
	st.quit()
	if !asked {
		t.Error("nobody chose")
	}
}

// stateAt leads the site to another state directory.
func (o technicians) stateAt(t *testing.T, state string) {
	t.Helper()
	file := filepath.Join(o.dir, "site.toml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, []byte(strings.Replace(string(b), `state = "state"`, `state = "`+state+`"`, 1)))
}

// inHaste serves a line in this process, as honnind console does, with less patience.
func (o technicians) inHaste(t *testing.T, device string, idle, stall time.Duration) {
	t.Helper()
	conf, err := site.Load(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(t.Output())
	m, err := machineOf(o.dir, conf, log)
	if err != nil {
		t.Fatal(err)
	}
	with := optionsOf(conf, m, "en")
	with.Idle, with.Stall = idle, stall
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- onLine(ctx, serial.Options{Device: device, Baud: 9600}, with, log) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// TestConsoleLeft: a technician leaves without logging out.
func TestConsoleLeft(t *testing.T) {
	o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
	o.ran(t)
	line := serialtest.New(t)
	o.inHaste(t, line.Device, time.Second, 0)
	s := watch(t, line.Far)
	s.until("honnin console", "honnin> ")
	s.send("login service\r")
	s.send(o.sign(t, s.until("Paste the signature", "\r\n")))
	if said := s.until("! idle: ", "honnin> "); !strings.Contains(said, "tech-7") {
		t.Errorf("%q", said)
	}
	if got := o.journalled(t); !slices.Equal(got, []string{"in tech-7 service", "out tech-7 idle"}) {
		t.Errorf("%q", got)
	}
}

// TestConsoleLineThatTakesNothing: a far end that reads nothing, and one that has stopped the flow, while answers are on their way: it is
// given up, the technician is signed out, and the line can be used as soon as it takes something again.
func TestConsoleLineThatTakesNothing(t *testing.T) {
	for name, block := range map[string]func(s *seen, near *os.File) (end func()){
		"nobody reads": func(s *seen, _ *os.File) func() {
			_ = s.far.SetReadDeadline(time.Now())
			<-s.paused
			return func() { _ = s.far.SetReadDeadline(time.Time{}); s.resume <- struct{}{} }
		},
		"the flow is stopped": func(s *seen, near *os.File) func() {
			flow(s, near, unix.TCOOFF)
			return func() { flow(s, near, unix.TCOON) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newTechnicians(t, "ipp://127.0.0.1:9/ipp/print")
			o.ran(t)
			near, far, _ := serialtest.Two(t)
			keep, err := os.OpenFile(near, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer keep.Close()
			end, err := os.OpenFile(far, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			o.inHaste(t, near, 0, 500*time.Millisecond)
			s := watch(t, end)
			s.until("honnin console", "honnin> ")
			s.send("terminal dumb --no-pages\r")
			s.until("no-pages", "honnin> ")
			s.login(o, "look")
			mend := block(s, keep)
			for range 40 { // what is on the way is kept by four buffers
				s.send("help\r")
			}
			awaitTrue(t, "the line to be given up", func() bool {
				got := o.journalled(t)
				return got[len(got)-1] == "out tech-7 hang-up"
			})
			mend()
			s.until("honnin console", "honnin> ")
			s.send("\x15version\r")
			s.until("version\r\n", "honnin> ")
		})
	}
}

// flow stops what is written to a line, as a terminal does at Ctrl-S, or lets it go on.
func flow(s *seen, near *os.File, how int) {
	s.Helper()
	c, err := near.SyscallConn()
	if err != nil {
		s.Fatal(err)
	}
	if failed := c.Control(func(fd uintptr) { err = unix.IoctlSetInt(int(fd), unix.TCXONC, how) }); failed != nil || err != nil {
		s.Fatal(failed, err)
	}
}
