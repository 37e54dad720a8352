// Package operator is the page of the practice centre on which people see the incidents of all its terminals, take them on
// and close them, each with their own key.
//
// The key never leaves the browser. The page's script (static/cms.js) imports it so that it cannot be taken out again, writes
// the state, shows it, and signs exactly those bytes in the profile of config/trust; what is posted is the signed state and
// nothing else. The state has the SHA-256 of the event as it stands on the page: a server that shows another event than the
// terminal's gets a signature that counts for nothing. The server hands it to the centre ([Centre]), which believes it or says
// why not, and the terminal judges it once more by its own policy. So there is nothing here to log in to: no cookie, no session,
// and a request without a valid signature of a person whom the policy lists does nothing.
//
// What this cannot keep: the script comes from this server too. A person who does not trust it signs with "honnind incident
// close" and needs no page.
//
// Pages are drawn here, and are whole without their script but for signing; with it, what is new appears by itself and the
// focus stays where it was. Everything that is shown comes through html/template. Texts are Japanese first.
package operator

import (
	"net/http"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/daemon/practice/server"
	"honnin/spool/incident"
	"honnin/ui/touch"
)

// Centre is what the page shows and where signed states go.
type Centre interface {
	Incidents() []server.Listed // newest first
	Suspended() []server.Suspension
	BringState(signed []byte) error
}

// Person is one whom the policy lists for incidents.
type Person struct {
	ID          string
	Roles       []policy.Role
	Certificate protocol.Digest // SHA-256
}

// Options are what a page is made of.
type Options struct {
	Hosts   []string // names under which a browser may ask for it, with the port
	Centre  Centre
	Persons []Person
	Towns   map[protocol.Municipality]protocol.Names
}

// Server serves the page.
type Server struct {
	Options
	catalogue incident.Catalogue
	draw      drawer
	handler   http.Handler
}

// New makes a page.
func New(o Options) (*Server, error) {
	c, err := incident.Load()
	if err != nil {
		return nil, err
	}
	s := &Server{Options: o, catalogue: c}
	if s.draw, err = newDrawer(); err != nil {
		return nil, err
	}
	s.handler = touch.Guard(s.routes(), touch.Limits{Hosts: o.Hosts, Body: maxBody})
	return s, nil
}

// Handler answers requests for the page.
func (s *Server) Handler() http.Handler { return s.handler }

// HTTP returns a server for [Server.Handler].
func (s *Server) HTTP() *http.Server {
	return &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second,
		WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
}
