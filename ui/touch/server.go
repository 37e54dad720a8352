package touch

import (
	"crypto/rand"
	"errors"
	"net/http"
	"sync"

	"github.com/sirupsen/logrus"
)

// Server draws pictures and collects fingers. New makes one; all methods may be called from any goroutine.
type Server struct {
	hosts  []string
	panel  Panel
	log    logrus.FieldLogger
	entry  string
	draw   drawer
	mux    *http.ServeMux
	finger chan Finger
	closed chan struct{} // by Close

	mu       sync.Mutex
	pic      picture
	session  string        // cookie of the one browser that entered last
	changed  chan struct{} // closed and replaced whenever pic or session changes
	panelled chan struct{} // the same for the panel
	dropped  Dropped
	closing  sync.Once
}

// fingersAhead is how many fingers wait for the session before more are dropped. Each picture takes one, so more
// than a few mean that nobody is listening.
const fingersAhead = 8

// Dropped counts fingers that were not passed on.
type Dropped struct {
	Stale      uint64 // of an earlier visit or picture
	Repeated   uint64 // a second one on the same picture
	Unexpected uint64 // not possible on this picture, or malformed
	Full       uint64 // nobody was taking fingers
}

// New returns a server that shows "starting" until the first [Server.Show].
func New(o Options) (*Server, error) {
	if o.Entry == "" {
		o.Entry = rand.Text() + rand.Text()
	}
	if len(o.Entry) < 32 {
		return nil, errors.New("touch: the entry token is shorter than 32 characters")
	}
	draw, err := newDrawer()
	if err != nil {
		return nil, err
	}
	s := &Server{
		draw: draw, closed: make(chan struct{}),
		hosts: o.Hosts, panel: o.Panel, log: o.Logger, entry: o.Entry,
		finger:  make(chan Finger, fingersAhead),
		pic:     picture{Screen: Screen{Name: OutOfService, Message: MsgStarting}, number: 1},
		changed: make(chan struct{}), panelled: make(chan struct{}),
	}
	s.routes()
	return s, nil
}

// Show replaces the picture. It never blocks. A screen of an unknown name is shown as [OutOfService].
func (s *Server) Show(next Screen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pic = s.pic.next(next)
	s.wake()
}

// Speak says which languages are offered; the first is spoken until somebody chooses another. Others than the two are left
// out. Without any, Japanese and English.
func (s *Server) Speak(languages ...string) {
	var known []Language
	for _, l := range languages {
		if l := Language(l); l == Japanese || l == English {
			known = append(known, l)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pic.speaks, s.pic.tick = known, s.pic.tick+1
	s.wake()
}

// Fingers is what the applicant does, in order. It is never closed.
func (s *Server) Fingers() <-chan Finger { return s.finger }

// Handler serves the pages.
func (s *Server) Handler() http.Handler { return Guard(s.mux, Limits{s.hosts, maxBody, s.refuse}) }

// EntryPath is the path that binds a browser to this server: the kiosk browser opens it first. It is a secret of
// this boot. In practice "/" does the same for whoever opens it.
func (s *Server) EntryPath() string { return "/enter/" + s.entry }

// PanelChanged tells the panel's page to look at Panel.State again. Show does so too.
func (s *Server) PanelChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakePanel()
}

// Close ends the streams, so that an http.Server can shut down. The browser then shows "please wait".
func (s *Server) Close() { s.closing.Do(func() { close(s.closed) }) }

// Dropped returns how many fingers were dropped, by why.
func (s *Server) Dropped() Dropped {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// wake is called with the lock held.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
	s.wakePanel()
}

// wakePanel is called with the lock held.
func (s *Server) wakePanel() {
	close(s.panelled)
	s.panelled = make(chan struct{})
}
