package touch

import (
	"embed"
	"net/http"
	"slices"
	"strings"
)

//go:embed static/*
var static embed.FS

// maxBody bounds a posted form, bytes. An application with every option is under 500.
const maxBody = 4 << 10

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; " +
	"connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'; " +
	"require-trusted-types-for 'script'; trusted-types honnin"

// sheetPolicy is for printed sheets: the browser's own viewer shows them in a tab.
const sheetPolicy = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"

var headers = map[string]string{
	"Content-Security-Policy":      contentPolicy,
	"Cache-Control":                "no-store",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "SAMEORIGIN",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), bluetooth=(), payment=(), clipboard-read=()",
}

func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /enter/{token}", s.handleEnter)
	s.mux.HandleFunc("GET /static/{file}", s.handleStatic)
	s.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.mux.HandleFunc("GET /kiosk", s.handleKiosk)
	s.mux.HandleFunc("GET /kiosk/events", s.admitted(s.handleEvents))
	s.mux.HandleFunc("POST /kiosk/finger", s.admitted(s.handleFinger))
	s.mux.HandleFunc("POST /kiosk/pin/{visit}/{picture}", s.admitted(s.handlePIN))
	s.mux.HandleFunc("POST /kiosk/code/{visit}/{picture}/{says}/{staff}", s.admitted(s.handleCode))
	s.mux.HandleFunc("POST /kiosk/local", s.admitted(s.handleLocal))
	if s.panel != nil {
		s.mux.HandleFunc("GET /{$}", s.handlePanel)
		s.mux.HandleFunc("GET /panel/events", s.admitted(s.handlePanelEvents))
		s.mux.HandleFunc("POST /panel/act", s.admitted(s.handlePanelAct))
		s.mux.HandleFunc("GET /panel/sheets/{name}", s.admitted(s.handleSheet))
	}
}

// Limits is what [Guard] lets through.
type Limits struct {
	Hosts  []string                                                             // exact Host values
	Body   int64                                                                // bytes
	Refuse func(w http.ResponseWriter, r *http.Request, status int, why string) // answers what is refused; nil: [http.Error]
}

// Guard is in front of everything that is served on loopback: our name, our own pages only, a bounded body, and the headers.
func Guard(h http.Handler, l Limits) http.Handler {
	if l.Refuse == nil {
		l.Refuse = func(w http.ResponseWriter, _ *http.Request, status int, why string) { http.Error(w, why, status) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range headers {
			w.Header().Set(k, v)
		}
		if !slices.Contains(l.Hosts, r.Host) {
			l.Refuse(w, r, http.StatusMisdirectedRequest, "foreign Host")
			return
		}
		if !fromUs(r) {
			l.Refuse(w, r, http.StatusForbidden, "foreign origin")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, l.Body)
		h.ServeHTTP(w, r)
	})
}

// fromUs reports whether our own page, or a person who opened one, made the request. A write must say so: without
// an Origin it is refused. A page of somebody else may at most bring a person to a page of ours in a tab of its own.
func fromUs(r *http.Request) bool {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return origin == "http://"+r.Host && (site == "" || site == "same-origin")
	}
	if origin != "" && origin != "http://"+r.Host {
		return false
	}
	tab := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return site == "" || site == "same-origin" || site == "none" || tab
}

// refuse answers with a short text. Neither it nor the log repeats anything that came in: a path may hold the
// entry token, a body a PIN.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	if s.log != nil {
		s.log.WithField("status", status).WithField("route", r.Pattern).Warn("touch: refused: " + why)
	}
	http.Error(w, why, status)
}

var types = map[string]string{
	"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "woff2": "font/woff2", "svg": "image/svg+xml", "txt": "text/plain; charset=utf-8",
}

func (s *Server) handleStatic(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	_, ext, _ := strings.Cut(name, ".")
	b, err := static.ReadFile("static/" + name)
	if err != nil || types[ext] == "" {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", types[ext])
	_, _ = w.Write(b)
}

func (s *Server) html(w http.ResponseWriter, status int, page string, data any) {
	b, err := s.draw.page(page, data)
	if err != nil {
		s.broken(err)
		http.Error(w, "out of service", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// broken logs a template that failed; a test draws every screen, so this is a fault of ours.
func (s *Server) broken(err error) {
	if s.log != nil {
		s.log.WithError(err).Error("touch: a picture could not be drawn")
	}
}
