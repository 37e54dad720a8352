package operator

import (
	"embed"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/spool/incident"
)

//go:embed static/*
var static embed.FS

// What programs ask for: the list of all incidents, newest first, and where signed states are posted, as this media type.
const (
	ListPath   = "/incidents.json"
	StatesPath = "/states"
	MediaState = "application/pkcs7-mime"
)

const (
	maxBody   = trust.MaxDetached
	mediaJSON = "application/json"
	mediaText = "text/plain; charset=utf-8"
	mediaHTML = "text/html; charset=utf-8"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list("page-list"))
	mux.HandleFunc("GET /list", s.list("list"))
	mux.HandleFunc("GET /incidents/{terminal}/{id}", s.one("page-one"))
	mux.HandleFunc("GET /incidents/{terminal}/{id}/facts", s.one("facts"))
	mux.HandleFunc("GET "+ListPath, s.all)
	mux.HandleFunc("POST "+StatesPath, s.state)
	mux.HandleFunc("GET /static/{file}", file)
	return mux
}

var types = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	b, err := static.ReadFile("static/" + name)
	if err != nil || types[path.Ext(name)] == "" {
		http.NotFound(w, r)
		return
	}
	answer(w, http.StatusOK, types[path.Ext(name)], b)
}

func answer(w http.ResponseWriter, status int, media string, b []byte) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func (s *Server) html(w http.ResponseWriter, status int, page string, data any) {
	b, err := s.draw.page(page, data)
	if err != nil {
		http.Error(w, "the page could not be drawn", http.StatusInternalServerError)
		return
	}
	answer(w, status, mediaHTML, b)
}

func (s *Server) list(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.html(w, http.StatusOK, page, s.listed(askedOf(r.URL.Query())))
	}
}

func (s *Server) one(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, i := range s.Incidents() {
			if string(i.Terminal) == r.PathValue("terminal") && string(i.ID) == r.PathValue("id") {
				s.html(w, http.StatusOK, page, s.shown(i))
				return
			}
		}
		s.html(w, http.StatusNotFound, "page-none", nil)
	}
}

// all is for programs: every incident, newest first.
func (s *Server) all(w http.ResponseWriter, _ *http.Request) {
	b, err := protocol.EncodeBody(s.Incidents())
	if err != nil {
		http.Error(w, "the list could not be written", http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, mediaJSON, b)
}

// state takes a signed state to the centre, and says what became of it.
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	if m, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || m != MediaState {
		http.Error(w, "a signed state is wanted", http.StatusUnsupportedMediaType)
		return
	}
	signed, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "a signed state is at most 64 KiB", http.StatusRequestEntityTooLarge)
		return
	}
	if err := s.Centre.BringState(signed); err != nil {
		answer(w, http.StatusConflict, mediaText, []byte(why(err)))
		return
	}
	answer(w, http.StatusOK, mediaText, []byte(taken))
}

// taken is said of a state that the centre took.
const taken = "センターが受け取りました。端末は、自分のポリシーでもう一度確かめてから従います。 / The centre has it. The terminal judges it once more by its own policy before it goes by it."

// doubts are the reasons for which a state is not taken, in words for whoever signed it.
var doubts = map[incident.Doubt]incident.Text{
	incident.StateUnsigned:  {Ja: "署名が正しくないか、署名された内容がインシデントの状態ではありません。", En: "The signature does not hold, or what is signed is not the state of an incident."},
	incident.StateOther:     {Ja: "このセンターにないインシデントか、端末が知らせたものと違う文への署名です。", En: "The centre knows no such incident, or knows another event of it than the one that is signed."},
	incident.StateStranger:  {Ja: "この鍵の人は、ポリシーに載っていません。", En: "The policy does not list the person with this key."},
	incident.StateRole:      {Ja: "この人には、これをする役割がありません。", En: "This person does not have the role for this."},
	incident.StateExpired:   {Ja: "この人の役割は、期限が切れています。", En: "This person's role has expired."},
	incident.StateEarly:     {Ja: "署名の時刻が未来です。この機械の時計を確かめてください。", En: "It is signed at a time that has not come. Look at this machine's clock."},
	incident.StateReplayed:  {Ja: "署名の時刻が、インシデントより前です。", En: "It is signed before the incident was raised."},
	incident.StateBackwards: {Ja: "もう対応中か、閉じられています。", En: "It is acknowledged already, or closed."},
}

// why says in words why a state was not taken.
func why(err error) string {
	var d incident.Doubt
	text, known := doubts[d], false
	if errors.As(err, &d) {
		text, known = doubts[d]
	}
	if !known {
		text = incident.Text{Ja: "センターは受け取りませんでした。", En: "The centre did not take it."}
	}
	return text.Ja + " / " + text.En
}
