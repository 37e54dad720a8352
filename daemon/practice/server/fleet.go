package server

import (
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"honnin/config/protocol"
)

// fleet is what the centre knows of policies, and of terminals that go by them. It judges no policy: terminals do.
type fleet struct {
	mu      sync.Mutex
	least   uint64
	bundles map[uint64]protocol.PolicyBundle
	beats   map[protocol.Terminal]protocol.Heartbeat // the last of each terminal
	ended   map[protocol.Terminal]protocol.PolicyRef // named by its last outcome
}

// under notes which policy an outcome names.
func (f *fleet) under(t protocol.Terminal, p protocol.PolicyRef) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended == nil {
		f.ended = map[protocol.Terminal]protocol.PolicyRef{}
	}
	f.ended[t] = p
}

// Publish offers a version of the policy to every terminal that asks.
func (s *Server) Publish(version uint64, p protocol.PolicyBundle) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	s.fleet.bundles[version] = p
}

// Demand has terminals begin no visit below a version of the policy; 0 takes that back, for those that have not heard it.
func (s *Server) Demand(least uint64) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	s.fleet.least = least
}

// Heartbeat returns a terminal's last, and the policy that its last outcome names.
func (s *Server) Heartbeat(t protocol.Terminal) (last protocol.Heartbeat, ended protocol.PolicyRef, heard bool) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	last, heard = s.fleet.beats[t]
	return last, s.fleet.ended[t], heard
}

func (s *Server) heartbeat(c *call) (answer, error) {
	h, err := parse[protocol.Heartbeat](c)
	if err != nil || len(h.Software) == 0 || len(h.Software) > 64 || len(h.Why) > 64 || len(h.SelfTest) > 10 {
		return answer{}, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	if h.Terminal != c.terminal {
		return answer{}, refuse(http.StatusForbidden, protocol.ProblemTerminal)
	}
	a := s.fleet.answer(h)
	a.Incidents = s.hints(c.terminal)
	return jsonAnswer(http.StatusOK, a)
}

func (f *fleet) answer(h protocol.Heartbeat) protocol.HeartbeatAnswer {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beats[h.Terminal] = h
	a := protocol.HeartbeatAnswer{LeastPolicy: f.least, Policies: []protocol.PolicyRef{}}
	for _, v := range slices.Sorted(maps.Keys(f.bundles)) {
		if v > max(h.Policy.Version, h.Waiting) && len(a.Policies) < protocol.MaxAnnounced {
			a.Policies = append(a.Policies, protocol.PolicyRef{Version: v, Digest: sha256.Sum256(f.bundles[v].Text)})
		}
	}
	return a
}

func (s *Server) policy(c *call) (answer, error) {
	version, err := strconv.ParseUint(c.request.PathValue("version"), 10, 64)
	if err != nil {
		return answer{}, refuse(http.StatusNotFound, protocol.ProblemUnknown)
	}
	s.fleet.mu.Lock()
	p, ok := s.fleet.bundles[version]
	s.fleet.mu.Unlock()
	if !ok {
		return answer{}, refuse(http.StatusNotFound, protocol.ProblemUnknown)
	}
	return jsonAnswer(http.StatusOK, p)
}
