package touch

import (
	"bytes"
	"errors"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"honnin/config/policy"
	"honnin/config/protocol"
)

// handleKiosk is the page that the kiosk's browser keeps open. To anyone else it shows "please wait", and the
// page comes back by itself: the browser may have been bound anew in the meantime.
func (s *Server) handleKiosk(w http.ResponseWriter, r *http.Request) {
	if !s.opened(w, r) {
		s.html(w, http.StatusForbidden, "shut", nil)
		return
	}
	p, _ := s.current()
	s.html(w, http.StatusOK, "kiosk", struct {
		Lang     Language
		Fragment template.HTML
	}{p.language(), template.HTML(s.fragment(p))}) // drawn by html/template
}

func (s *Server) current() (picture, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pic, s.changed
}

// fragment draws p; what cannot be drawn is shown as out of service.
func (s *Server) fragment(p picture) []byte {
	b, err := s.draw.draw(p)
	if err == nil {
		return b
	}
	s.broken(err)
	b, _ = s.draw.draw(picture{Screen: Screen{Name: OutOfService, Visit: p.Visit}, number: p.number, tick: p.tick, lang: p.lang, speaks: p.speaks})
	return b
}

// handleEvents streams a picture whenever it changes, until the browser leaves or another one enters.
func (s *Server) handleEvents(w http.ResponseWriter, r *http.Request) {
	id := s.sessionOf(r)
	s.stream(w, r, "picture", func() ([]byte, <-chan struct{}, bool) {
		p, changed := s.current()
		return s.fragment(p), changed, s.isBrowser(id)
	})
}

// stream sends what next returns, and again each time its channel closes.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, event string, next func() ([]byte, <-chan struct{}, bool)) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	if _, err := io.WriteString(w, "retry: 500\n\n"); err != nil {
		return
	}
	for {
		data, changed, ok := next()
		if !ok || writeEvent(w, event, data) != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		}
	}
}

func writeEvent(w io.Writer, event string, data []byte) error {
	var b bytes.Buffer
	b.WriteString("event: " + event + "\n")
	for line := range bytes.Lines(data) {
		b.WriteString("data: ")
		b.Write(bytes.TrimRight(line, "\r\n"))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// verdict is what becomes of a finger.
type verdict int

const (
	taken verdict = iota
	stale
	repeated
	unexpected
	full
)

var statusOf = [...]int{taken: http.StatusNoContent, stale: http.StatusConflict, repeated: http.StatusConflict,
	unexpected: http.StatusBadRequest, full: http.StatusServiceUnavailable}

// pass hands f on if it was meant for the picture that is shown, and counts it if not. The PIN of a finger that
// is not passed on is overwritten.
func (s *Server) pass(f Finger, number uint64) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.judge(f, number)
	if v == taken {
		if f.Action == NotMine {
			f.Of = s.pic.Disowns
		}
		v = s.hand(f)
	}
	if v != taken {
		clear(f.PIN)
	}
	s.count(v)
	return v
}

// judge is called with the lock held.
func (s *Server) judge(f Finger, number uint64) verdict {
	switch {
	case f.Visit != s.pic.Visit || number != s.pic.number:
		return stale
	case !s.pic.Name.Allows(f.Action), f.Action == NotMine && s.pic.Disowns == 0:
		return unexpected
	case s.pic.spent && f.Action != Touched:
		return repeated
	}
	return taken
}

// hand is called with the lock held; it never waits for the session.
func (s *Server) hand(f Finger) verdict {
	select {
	case s.finger <- f:
		s.pic.spent = s.pic.spent || f.Action != Touched
		return taken
	default:
		return full
	}
}

// count is called with the lock held.
func (s *Server) count(v verdict) {
	switch v {
	case stale:
		s.dropped.Stale++
	case repeated:
		s.dropped.Repeated++
	case unexpected:
		s.dropped.Unexpected++
	case full:
		s.dropped.Full++
	}
}

func (s *Server) reply(w http.ResponseWriter, v verdict) {
	w.WriteHeader(statusOf[v])
}

// malformed counts and answers a finger that could not be read.
func (s *Server) malformed(w http.ResponseWriter, err error) {
	s.mu.Lock()
	s.dropped.Unexpected++
	s.mu.Unlock()
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	w.WriteHeader(http.StatusBadRequest)
}

// handleFinger takes every finger but the PIN.
func (s *Server) handleFinger(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	if err != nil {
		s.malformed(w, err)
		return
	}
	visit, number, err := address(form.Get("visit"), form.Get("picture"))
	f := Finger{Visit: visit, Action: Action(form.Get("action"))}
	switch f.Action {
	case Pin, Code: // they have ways of their own
		err = errForm
	case Apply:
		err = errors.Join(err, s.application(&f, form))
	}
	if err != nil {
		s.malformed(w, err)
		return
	}
	v := s.pass(f, number)
	if v == stale && f.Action == Touched { // it wished for nothing, and was overtaken by the finger after it
		v = taken
	}
	s.reply(w, v)
}

var errForm = errors.New("touch: malformed finger")

func readForm(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	for _, v := range r.PostForm {
		if len(v) != 1 {
			return nil, errForm
		}
	}
	return r.PostForm, nil
}

func address(visit, number string) (v, n uint64, err error) {
	v, err1 := strconv.ParseUint(visit, 10, 64)
	n, err2 := strconv.ParseUint(number, 10, 64)
	return v, n, errors.Join(err1, err2)
}

// application fills in what was applied for. The form names values by their place in the offer, so a value that
// was never offered cannot be applied for; and every option of the offer is there, no other.
func (s *Server) application(f *Finger, form url.Values) error {
	p, _ := s.current()
	o, ok := p.offer(form.Get("offer"))
	copies, err := strconv.Atoi(form.Get("copies"))
	if !ok || err != nil || copies < 1 || copies > protocol.MaxCopies {
		return errForm
	}
	f.Offer, f.Copies, f.Options = o.ID, copies, protocol.Options{}
	for name := range form {
		if option, ok := strings.CutPrefix(name, "opt."); ok && len(o.Options[option]) == 0 {
			return errForm
		}
	}
	for name, values := range o.Options {
		if len(values) == 0 {
			continue
		}
		i, err := strconv.Atoi(form.Get("opt." + name))
		if err != nil || i < 0 || i >= len(values) {
			return errForm
		}
		f.Options[name] = values[i]
	}
	return nil
}

// pinLength is that of the user-authentication PIN.
const pinLength = 4

// handlePIN takes the digits as the whole body of the request: no form, no string. The buffers made here are
// overwritten, or become the receiver's; those inside net/http are not ours to overwrite.
func (s *Server) handlePIN(w http.ResponseWriter, r *http.Request) {
	visit, number, err := address(r.PathValue("visit"), r.PathValue("picture"))
	if err != nil {
		s.malformed(w, err)
		return
	}
	pin, err := readDigits(r.Body, pinLength, pinLength)
	if err != nil {
		s.malformed(w, err)
		return
	}
	s.reply(w, s.pass(Finger{Visit: visit, Action: Pin, PIN: pin}, number))
}

// handleCode takes a word of staff: who says what is in the address, the digits of their code are the body.
func (s *Server) handleCode(w http.ResponseWriter, r *http.Request) {
	visit, number, err := address(r.PathValue("visit"), r.PathValue("picture"))
	says, staff := r.PathValue("says"), r.PathValue("staff")
	if err != nil || says != "same" && says != "differs" || len(staff) > policy.MaxStaffID || strings.ContainsFunc(staff, notDigit) {
		s.malformed(w, errForm)
		return
	}
	code, err := readDigits(r.Body, policy.MinStaffCode, policy.MaxStaffCode)
	if err != nil {
		s.malformed(w, err)
		return
	}
	s.reply(w, s.pass(Finger{Visit: visit, Action: Code, PIN: code, Staff: staff, Same: says == "same"}, number))
}

func readDigits(body io.Reader, least, most int) ([]byte, error) {
	b := make([]byte, most+1)
	defer clear(b)
	n, err := io.ReadFull(body, b)
	if n < least || !errors.Is(err, io.ErrUnexpectedEOF) || bytes.ContainsFunc(b[:n], notDigit) {
		return nil, errForm
	}
	return bytes.Clone(b[:n]), nil
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

// handleLocal takes what stays in this package: the language, and which offer's options are open. It tells the
// session no more than that someone is there.
func (s *Server) handleLocal(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	if err != nil {
		s.malformed(w, err)
		return
	}
	number, _ := strconv.ParseUint(form.Get("picture"), 10, 64)
	if !s.turn(form, number) {
		s.malformed(w, errForm)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// turn changes the language or opens an offer; false if it cannot be done.
func (s *Server) turn(form url.Values, number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch l := Language(form.Get("language")); {
	case slices.Contains(s.pic.languages(), l):
		s.pic.lang = l
	case form.Has("language"), number != s.pic.number, s.pic.Name != Choose, s.pic.spent:
		return false
	default:
		if _, ok := s.pic.offer(form.Get("look")); !ok && form.Get("look") != "" {
			return false
		}
		s.pic.looking = form.Get("look")
	}
	s.pic.tick++
	if s.pic.Visit != 0 && s.pic.Name.Allows(Touched) {
		s.hand(Finger{Visit: s.pic.Visit, Action: Touched})
	}
	s.wake()
	return true
}
