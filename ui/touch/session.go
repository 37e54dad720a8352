package touch

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
)

// cookieName names the session cookie. Browsers keep cookies by host, not by port: the port in the name lets two
// terminals in practice stand side by side. The Host value has been checked before.
func cookieName(r *http.Request) string {
	_, port, _ := net.SplitHostPort(r.Host)
	return "honnin" + port
}

// A session is a random id and its HMAC under the entry token. A server that is started anew with the same token
// therefore still knows its browser, without keeping anything.

func (s *Server) seal(id string) string {
	m := hmac.New(sha256.New, []byte(s.entry))
	m.Write([]byte("honnin kiosk session v1\x00" + id))
	return id + "." + hex.EncodeToString(m.Sum(nil))
}

// enter makes the browser that sent r the one browser, and ends the session before it.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	s.mu.Lock()
	s.session = id
	s.wake()
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName(r), Value: s.seal(id), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// sessionOf returns the id in the request's cookie if this server's entry token made it, or "".
func (s *Server) sessionOf(r *http.Request) string {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(c.Value, ".")
	if id == "" || !hmac.Equal([]byte(c.Value), []byte(s.seal(id))) {
		return ""
	}
	return id
}

// isBrowser reports whether the session is the one browser's. After a restart the first that comes with a true
// cookie is it. In practice several windows may look at one terminal, so any true cookie will do.
func (s *Server) isBrowser(id string) bool {
	if id == "" || s.panel != nil {
		return id != ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == "" {
		s.session = id
	}
	return subtle.ConstantTimeCompare([]byte(s.session), []byte(id)) == 1
}

// admitted lets only the one browser through.
func (s *Server) admitted(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.isBrowser(s.sessionOf(r)) {
			s.refuse(w, r, http.StatusForbidden, "not the kiosk's browser")
			return
		}
		h(w, r)
	}
}

// handleEnter binds the browser that knows the token.
func (s *Server) handleEnter(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.PathValue("token")), []byte(s.entry)) != 1 {
		s.refuse(w, r, http.StatusForbidden, "wrong entry token")
		return
	}
	s.enter(w, r)
	http.Redirect(w, r, "/kiosk", http.StatusSeeOther)
}

// opened lets a person's own navigation in practice enter without the token. A browser says how a page was asked for
// (Fetch Metadata), so that other pages are kept out; what says nothing is no browser, such as curl.
func (s *Server) opened(w http.ResponseWriter, r *http.Request) bool {
	if s.isBrowser(s.sessionOf(r)) {
		return true
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); s.panel == nil || mode != "navigate" && mode != "" {
		return false
	}
	s.enter(w, r)
	return true
}
