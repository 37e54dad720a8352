package keys

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"honnin/config/protocol"
)

// Form is how a value is written.
type Form struct {
	Says    string              // "a duration such as …"
	Type    string              // in JSON: "string", "integer", "object", "array"
	Pattern string              // of strings, ECMA 262; never narrower than Fits
	Fits    func(string) bool   // nil: every value of the type
	Plain   func(string) string // the one way of writing what means the same; nil: as it is
}

// The forms.
var (
	Table    = &Form{Says: "a table", Type: "object"}
	Tables   = &Form{Says: "a list of tables", Type: "array"}
	Text     = &Form{Says: "a text of 1 to 256 bytes, without control characters", Type: "string", Pattern: `^[^\x00-\x1f\x7f]{1,256}$`, Fits: isText}
	Number   = &Form{Says: "a number", Type: "integer", Plain: plainNumber}
	Flag     = &Form{Says: "true or false", Type: "boolean"}
	Duration = &Form{Says: `a duration such as "90s", "5m", "24h"`, Type: "string", Pattern: `^\+?([0-9.]+(h|m|s|ms|us|µs|μs|ns))+$|^\+?0$`, Fits: isDuration, Plain: plainDuration}
	Instant  = &Form{Says: `an instant such as "2026-12-01T00:00:00+09:00"`, Type: "string",
		Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$`, Fits: isInstant, Plain: plainInstant}
	Day = &Form{Says: `a day such as "2027-03-31"`, Type: "string", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, Fits: isDay}
	// Days are one day or the days from one to another, of one year or of every year.
	Days = &Form{Says: `a day or days such as "2027-01-16", "2027-05-03/2027-05-05", or of every year "12-31", "12-29/01-03"`, Type: "string",
		Pattern: `^([0-9]{4}-)?[0-9]{2}-[0-9]{2}(/([0-9]{4}-)?[0-9]{2}-[0-9]{2})?$`, Fits: func(s string) bool { _, err := ParseDays(s); return err == nil }}
	Hours = &Form{Says: `hours such as "06:30-23:00", at most "00:00-24:00"`, Type: "string",
		Pattern: `^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$`, Fits: func(s string) bool { _, err := ParseHours(s); return err == nil }}
	Digest       = &Form{Says: "a SHA-256 of 64 lower-case hex digits", Type: "string", Pattern: `^[0-9a-f]{64}$`, Fits: parses(protocol.ParseDigest)}
	Municipality = &Form{Says: "a code of six digits", Type: "string", Pattern: `^[0-9]{6}$`, Fits: parses(protocol.ParseMunicipality)}
	Terminal     = &Form{Says: "a terminal's name: 1 to 32 of A-Z, 0-9 and hyphen", Type: "string", Pattern: `^[A-Z0-9-]{1,32}$`, Fits: parses(protocol.ParseTerminal)}
	Target       = &Form{Says: `a terminal's name, or the beginning of one with a star: "T-1", "T-*", "*"`, Type: "string", Pattern: `^[A-Z0-9-]{1,32}\*?$|^\*$`, Fits: isTarget}
	Version      = &Form{Says: "a semantic version such as 1.4.0", Type: "string", Pattern: `^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$`, Fits: protocol.ValidVersion}
	Word         = &Form{Says: "1 to 64 of a-z, 0-9 and hyphen", Type: "string", Pattern: `^[a-z0-9-]{1,64}$`, Fits: isWord}
	Digits       = &Form{Says: "1 to 8 digits", Type: "string", Pattern: `^[0-9]{1,8}$`, Fits: func(s string) bool { return s != "" && len(s) <= 8 && only(s, "0123456789") }}
	// PEM is text itself or the name of a file beside the configuration; what it holds is judged by whoever reads it.
	PEM = &Form{Says: "PEM inline, or the name of a file beside this one", Type: "string", Pattern: `[\s\S]`, Fits: func(s string) bool { return s != "" }}
	URL = &Form{Says: "https://HOST or https://HOST:PORT", Type: "string", Pattern: `^https://[^/?#@\s]+$`, Fits: isOrigin}
	// Place is where a server is.
	Place = &Form{Says: "HOST:PORT", Type: "string", Pattern: `^[A-Za-z0-9.:[\]-]{1,255}:[0-9]{1,5}$`, Fits: isPlace}
	// Reach is where a person can be reached.
	Reach = &Form{Says: `"tel:+81-3-…", "mailto:…" or "https://…"`, Type: "string", Pattern: `^(tel:|mailto:|https://)[\x21-\x7e]+$`, Fits: isReach}
	USB   = &Form{Says: `vendor and product in lower-case hex, such as "054c:0dc9"`, Type: "string", Pattern: `^[0-9a-f]{4}:[0-9a-f]{4}$`, Fits: isUSB}
)

func isText(s string) bool {
	return s != "" && len(s) <= 256 && utf8.ValidString(s) && !strings.ContainsFunc(s, Moves)
}

// Moves reports whether a character is none to be seen and may move or reorder others on a screen: the controls, the ends
// of lines, and those of bidirectional text (Unicode Standard Annex #9, section 2). Who looks at a text with one may see
// another.
func Moves(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

func plainNumber(s string) string {
	n, _ := number(s)
	return strconv.FormatInt(n, 10)
}

func parses[T any](parse func(string) (T, error)) func(string) bool {
	return func(s string) bool { _, err := parse(s); return err == nil }
}

func only(s, of string) bool { return strings.Trim(s, of) == "" }

func isDuration(s string) bool { d, err := time.ParseDuration(s); return err == nil && d >= 0 }

func nanoseconds(s string) int64 {
	d, _ := time.ParseDuration(s)
	return int64(d)
}

func plainDuration(s string) string { return short(nanoseconds(s)) }

// short writes a duration without its empty parts: "24h", not "24h0m0s".
func short(nanoseconds int64) string {
	s := time.Duration(nanoseconds).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func isInstant(s string) bool {
	t, err := time.Parse(time.RFC3339, s)
	return err == nil && t.Nanosecond() == 0 && !strings.ContainsAny(s, ".,")
}

func plainInstant(s string) string {
	t, _ := time.Parse(time.RFC3339, s)
	return t.UTC().Format(time.RFC3339)
}

func isDay(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }

func isTarget(s string) bool {
	start, open := strings.CutSuffix(s, "*")
	_, err := protocol.ParseTerminal(start)
	return err == nil || open && start == ""
}

func isWord(s string) bool {
	return s != "" && len(s) <= 64 && only(s, "abcdefghijklmnopqrstuvwxyz0123456789-")
}

// isOrigin: a path would belong to whoever calls.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && s == "https://"+u.Host
}

// isPlace: a name of letters, digits, hyphens and points, or an IP address (version 6 in brackets), and a port that can be called.
func isPlace(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || n == 0 || len(s) > 255 || net.JoinHostPort(host, strconv.FormatUint(n, 10)) != s {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err == nil && !strings.Contains(host, "%") || host != "" && only(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-.")
}

func isReach(s string) bool {
	u, err := url.Parse(s)
	if err != nil || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) || u.User != nil {
		return false
	}
	if strings.HasPrefix(s, "https://") {
		return u.Host != ""
	}
	return (strings.HasPrefix(s, "tel:") || strings.HasPrefix(s, "mailto:")) && u.Opaque != ""
}

func isUSB(s string) bool {
	v, p, ok := strings.Cut(s, ":")
	return ok && len(v) == 4 && len(p) == 4 && only(v+p, "0123456789abcdef")
}

// fingerprints of what PEM or DER holds, so that the same certificate in another wrapping is the same.
func fingerprints(b []byte) (out []string) {
	print := func(der []byte) {
		sum := sha256.Sum256(der)
		out = append(out, "SHA-256 "+hex.EncodeToString(sum[:]))
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		print(block.Bytes)
	}
	if len(out) == 0 {
		print(b)
	}
	return out
}

// number reads what TOML takes as one: 1_000, 0x3e8.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 0, 64)
	return n, err == nil
}
