package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"honnin/daemon/practice/panel"
	"honnin/daemon/practice/people"
	"honnin/daemon/session"
	"honnin/daemon/terminal"
	"honnin/ui/touch"
)

// glass shows the session's pictures on the touch screen, and hands fingers to the session.
type glass struct{ *touch.Server }

// Show draws one picture.
func (g glass) Show(v session.View) { g.Server.Show(terminal.Picture(v)) }

// fingers hands on what fingers do until ctx ends.
func (g glass) fingers(ctx context.Context, t *terminal.Terminal) {
	for {
		select {
		case f := <-g.Fingers():
			t.Press(f.Visit, terminal.Pressed(f))
		case <-ctx.Done():
			return
		}
	}
}

// serve answers on l until ctx ends.
func (g glass) serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: g.Handler(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	context.AfterFunc(ctx, func() {
		g.Close()
		_ = s.Close()
	})
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// kiosk runs one practice terminal with its touch screen, until ctx ends.
func kiosk(ctx context.Context, out io.Writer, f practiceFlags, log *logrus.Logger) (err error) {
	l, err := listenLoopback(f.listen)
	if errors.Is(err, syscall.EADDRINUSE) && !f.listenGiven {
		l, err = listenLoopback("127.0.0.1:0")
	}
	if err != nil {
		return err
	}
	s, err := openStage(f, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.book = newBook(log)
	p, err := s.place(0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	defer keepBook(s.book, filepath.Dir(p.file), log)()
	board := panel.New(s.world, p.channel, p.virtual, p.device, p.sheets)
	board.Have(s.levers()...)
	server, err := touch.New(touch.Options{Hosts: hosts(l), Panel: board, Logger: log})
	if err != nil {
		return err
	}
	server.Speak(s.policy.Languages()...)
	g := glass{server}
	t, err := s.terminal(ctx, p, g, board.Observe)
	if err != nil {
		return err
	}
	board.At(t, server.PanelChanged)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answered, err := s.consoleAt(ctx, p, t)
	if err != nil {
		return err
	}
	defer func() { stop(); answered() }()
	address := "http://" + l.Addr().String() + "/"
	if err := os.WriteFile(filepath.Join(f.state, "address"), []byte(address+"\n"), 0o600); err != nil {
		return err
	}
	d, err := s.operators()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	guide(out, f, p, address, d.address)
	return live(ctx, t, g, l)
}

// live runs a terminal and its screen until ctx ends or one of them fails.
func live(ctx context.Context, t *terminal.Terminal, g glass, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go g.fingers(ctx, t)
	served := make(chan error, 1)
	go func() {
		served <- g.serve(ctx, l)
		stop()
	}()
	err := t.Run(ctx)
	stop()
	return errors.Join(err, <-served)
}

func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, usage("--listen must be a loopback address and port, such as 127.0.0.1:8080, not %q", address)
	}
	return net.Listen("tcp", address)
}

// hosts are the names under which a browser on this machine may ask for the screen.
func hosts(l net.Listener) []string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return []string{l.Addr().String(), "localhost:" + port}
}

func guide(out io.Writer, f practiceFlags, p *place, address, operators string) {
	say(out, "ready  %s", address)
	if !f.guide {
		return
	}
	first := people.All()[0]
	say(out, "\n  Open   %s", address)
	say(out, "  Card   press %s in the panel to place a card; its PIN is %s", first.ID, first.PIN)
	say(out, "  Sheets %s", p.sheets)
	say(out, "  Close  %s is where operators see incidents and close them; their keys are in %s", operators, filepath.Join(f.state, "keys"))
	say(out, "  Console  ./honnind console --practice %s --lang en is what a technician sees; login with %s", f.state, filepath.Join(f.state, "keys", technicianID))
	say(out, "  Try    press “Be handed a stranger’s paper” (他人の書類が届く) in the panel and make the same visit: it is refused")
	say(out, "         or press one of the incidents of 2023 (2023年の事故), which the municipality’s program then has")
	say(out, "  Stop   Ctrl-C")
}
