package touch

import (
	"errors"
	"net/http"
	"regexp"
	"sync"
)

// handlePanel is practice's page: the kiosk in a frame, the panel beside it.
func (s *Server) handlePanel(w http.ResponseWriter, r *http.Request) {
	if !s.opened(w, r) {
		s.html(w, http.StatusForbidden, "shut", nil)
		return
	}
	s.html(w, http.StatusOK, "panel", nil)
}

func (s *Server) handlePanelEvents(w http.ResponseWriter, r *http.Request) {
	s.stream(w, r, "panel", func() ([]byte, <-chan struct{}, bool) {
		s.mu.Lock()
		changed, screen := s.panelled, s.pic.Screen
		s.mu.Unlock()
		b, err := s.draw.page("panel-state", panelView{s.panel.People(), s.panel.State(), screen.Visit, screen.Name})
		if err != nil {
			s.broken(err)
		}
		return b, changed, err == nil
	})
}

// panelView is what the panel's template sees.
type panelView struct {
	People []Person
	PanelState
	Visit uint64
	Name  Name
}

// Asks reports whether the reader asks for a PIN.
func (v panelView) Asks() bool { return v.Name == PINAtReader }

// Holder is the person whose card lies on the reader.
func (v panelView) Holder() *Person {
	for i := range v.People {
		if v.People[i].ID == v.Card {
			return &v.People[i]
		}
	}
	return nil
}

var errAct = errors.New("unknown act")

func (s *Server) handlePanelAct(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	if err != nil {
		s.malformed(w, err)
		return
	}
	err = s.act(form.Get("act"), form.Get("person"), form.Get("scenario"))
	s.PanelChanged()
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) act(name, person, scenario string) error {
	acts := map[string]func() error{
		"place": func() error { return s.panel.Place(person) },
		"play":  func() error { return s.panel.Play(scenario) },
		"type":  func() error { return s.panel.Type(false) },
		"wrong": func() error { return s.panel.Type(true) },
		"red":   s.panel.Refuse,
		"pull":  s.panel.Pull, "jam": s.panel.Jam, "clear-jam": s.panel.ClearJam, "paper-out": s.panel.PaperOut,
		"take-paper": s.panel.TakePaper, "stranger": s.panel.HandStranger, "staff": s.panel.Staff, "close": s.panel.Close,
	}
	do, ok := acts[name]
	if !ok {
		return errAct
	}
	return do()
}

// sheetName is compiled on first use: every child that inspects a document is this program too, and starts with it.
var sheetName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`) })

func (s *Server) handleSheet(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !sheetName().MatchString(name) {
		http.Error(w, "no such sheet", http.StatusNotFound)
		return
	}
	pdf, err := s.panel.Sheet(name)
	if err != nil {
		http.Error(w, "no such sheet", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Security-Policy", sheetPolicy)
	_, _ = w.Write(pdf)
}
