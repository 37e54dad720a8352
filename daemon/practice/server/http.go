package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"honnin/config/protocol"
)

// The media types of bodies.
const (
	mediaJSON    = "application/json"
	mediaEvent   = "application/cloudevents+json"
	mediaCMS     = "application/pkcs7-mime; smime-type=signed-data"
	mediaProblem = "application/problem+json"
)

// call is one request, read whole and from a known terminal.
type call struct {
	request  *http.Request
	terminal protocol.Terminal
	body     []byte
}

// answer is what a call gives back. The body is overwritten after it was sent where wipe is set.
type answer struct {
	status int
	media  string
	body   []byte
	wipe   bool
}

// refusal is a problem document to be.
type refusal struct {
	status int
	word   string
}

func (r *refusal) Error() string { return r.word }

func refuse(status int, word string) error { return &refusal{status, word} }

func statusOf(a answer, err error) int {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r.status
	}
	if err != nil {
		return http.StatusInternalServerError
	}
	return a.status
}

// route is one of the calls.
type route struct {
	pattern string
	media   string // of the request's body; "": none
	keyed   bool   // an Idempotency-Key is asked for; without it one is refused
	live    bool   // of a transaction that is not over: a repeated request does not outlive it
	do      func(*call) (answer, error)
}

func (s *Server) routes() []route {
	return []route{
		{"POST /v1/transactions", mediaJSON, true, false, s.begin},
		{"POST /v1/transactions/{t}/applicant", mediaJSON, true, true, s.applicant},
		{"POST /v1/transactions/{t}/application", mediaJSON, true, true, s.application},
		{"GET /v1/transactions/{t}/package", "", false, true, s.pkg},
		{"POST /v1/transactions/{t}/in-force", mediaJSON, false, true, s.inForce},
		{"POST /v1/transactions/{t}/outcome", mediaJSON, true, false, s.outcome},
		{"DELETE /v1/transactions/{t}", "", false, false, s.cancel},
		{"POST /v1/incidents", mediaEvent, true, false, s.incident},
		{"POST /v1/escalations", mediaEvent, true, false, s.escalation},
		{"GET /v1/incidents/{id}", "", false, false, s.incidentState},
		{"POST /v1/suspensions", mediaJSON, false, false, s.suspensions},
		{"POST /v1/heartbeats", mediaJSON, false, false, s.heartbeat},
		{"GET /v1/policies/{version}", "", false, false, s.policy},
	}
}

// serve wraps a call: who asks, what the body may be, how often, and what is said about it.
func (s *Server) serve(r route) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		a, err := s.handle(r, w, req)
		if err != nil {
			a = problem(err)
		}
		w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat)) // terminals hold their clocks against it
		send(w, a)
		if s.Trace != nil {
			s.Trace(r.pattern, a.status)
		}
	}
}

func (s *Server) handle(r route, w http.ResponseWriter, req *http.Request) (a answer, err error) {
	defer func() {
		// A panic's text could hold anything; the terminal is told that it failed, and nobody more than that.
		if recover() != nil {
			s.counts.faults.Add(1)
			a, err = answer{}, refuse(http.StatusInternalServerError, protocol.ProblemIssuer)
		}
	}()
	c, err := read(r, w, req)
	if err != nil {
		return answer{}, err
	}
	if r.live {
		if err := s.alive(c); err != nil {
			return answer{}, err
		}
	}
	if !r.keyed {
		return r.do(c)
	}
	return s.replays.once(c.terminal, req.Header.Get("Idempotency-Key"), req.URL.Path, c.body, func() (answer, error) { return r.do(c) })
}

func read(r route, w http.ResponseWriter, req *http.Request) (*call, error) {
	terminal, err := terminalOf(req)
	if err != nil {
		return nil, err
	}
	key := req.Header.Get("Idempotency-Key")
	if r.keyed != (key != "") || len(key) > 256 {
		return nil, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	if m, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); r.media != "" && (err != nil || m != r.media) {
		return nil, refuse(http.StatusUnsupportedMediaType, protocol.ProblemBadRequest)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, protocol.MaxJSON))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, refuse(http.StatusRequestEntityTooLarge, protocol.ProblemTooLarge)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	return &call{req, terminal, body}, nil
}

// terminalOf returns the name in the verified client certificate.
func terminalOf(req *http.Request) (protocol.Terminal, error) {
	if req.TLS == nil || len(req.TLS.VerifiedChains) == 0 {
		return "", refuse(http.StatusForbidden, protocol.ProblemTerminal)
	}
	t, err := protocol.ParseTerminal(req.TLS.VerifiedChains[0][0].Subject.CommonName)
	if err != nil {
		return "", refuse(http.StatusForbidden, protocol.ProblemTerminal)
	}
	return t, nil
}

func problem(err error) answer {
	r := &refusal{http.StatusInternalServerError, protocol.ProblemIssuer}
	errors.As(err, &r)
	b, _ := protocol.EncodeBody(protocol.Problem{Type: protocol.ProblemPrefix + r.word, Title: strings.ReplaceAll(r.word, "-", " "), Status: r.status})
	return answer{status: r.status, media: mediaProblem, body: b}
}

func send(w http.ResponseWriter, a answer) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if a.media != "" {
		h.Set("Content-Type", a.media)
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
	if a.wipe {
		clear(a.body)
	}
}

// parse reads a call's JSON body.
func parse[T any](c *call) (body T, err error) {
	if err := protocol.ParseBody(c.body, &body); err != nil {
		return body, refuse(http.StatusBadRequest, protocol.ProblemBadRequest)
	}
	return body, nil
}

func jsonAnswer(status int, v any) (answer, error) {
	b, err := protocol.EncodeBody(v)
	return answer{status: status, media: mediaJSON, body: b}, err
}
