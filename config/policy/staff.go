package policy

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"honnin/config/keys"
	"honnin/config/protocol"
	"honnin/config/tokyo"
)

// Role is what a member of staff may do at a terminal.
type Role string

// Confirm is the role of those who, at a counter, compare the name on a printed sheet with the person in front of them.
const Confirm Role = "confirm"

// Digits of what is typed at a counter, and rounds of PBKDF2 (OWASP's advice for SHA-256 is 600,000; more than 5,000,000
// would keep people waiting).
const (
	MaxStaffID                 = 8
	MinStaffCode, MaxStaffCode = 6, 12
	StaffRounds                = 600_000
	minRounds, maxRounds       = 100_000, 5_000_000
)

const (
	codeScheme = "pbkdf2-sha256"
	codeSalt   = 16
)

// staff is one member of staff. Who that is, the policy does not say: an id, never a name.
type staff struct {
	id           string
	roles        []Role
	code         verifier
	until        time.Time // from here on no more
	municipality protocol.Municipality
	terminals    []protocol.Terminal
}

// verifier tells whether a code is somebody's, and does not hold it:
//
//	PBKDF2-HMAC-SHA-256(P = HMAC-SHA-256(salt, "honnin staff code v1" 0x00 || id 0x00 || code), S = salt, rounds, 32 bytes)
//
// The inner HMAC binds the code to its id, and keeps its digits out of a string that nobody could overwrite.
type verifier struct {
	rounds int
	salt   []byte
	hash   []byte
}

func (v verifier) derive(id string, code []byte) []byte {
	inner := hmac.New(sha256.New, v.salt)
	inner.Write([]byte("honnin staff code v1\x00" + id + "\x00"))
	inner.Write(code)
	out, err := pbkdf2.Key(sha256.New, string(inner.Sum(nil)), v.salt, v.rounds, sha256.Size)
	if err != nil {
		return nil // no hash has this length
	}
	return out
}

func (v verifier) fits(id string, code []byte) bool {
	return subtle.ConstantTimeCompare(v.derive(id, code), v.hash) == 1
}

func (v verifier) String() string {
	return fmt.Sprintf("%s:%d:%s:%s", codeScheme, v.rounds, base64.RawURLEncoding.EncodeToString(v.salt), base64.RawURLEncoding.EncodeToString(v.hash))
}

// UnmarshalText reads "pbkdf2-sha256:ROUNDS:SALT:HASH", salt and hash in canonical base64url.
func (v *verifier) UnmarshalText(b []byte) error {
	bad := errors.New("not a verifier of a personal code")
	part := strings.Split(string(b), ":")
	if len(part) != 4 || part[0] != codeScheme {
		return bad
	}
	rounds, err := strconv.Atoi(part[1])
	strict := base64.RawURLEncoding.Strict()
	salt, err2 := strict.DecodeString(part[2])
	hash, err3 := strict.DecodeString(part[3])
	if err != nil || err2 != nil || err3 != nil || len(salt) != codeSalt || len(hash) != sha256.Size || rounds < minRounds || rounds > maxRounds {
		return bad
	}
	if *v = (verifier{rounds, salt, hash}); v.String() != string(b) {
		return bad
	}
	return nil
}

// StaffCode returns what a policy keeps in place of a personal code. Neither errors nor the result hold the code.
func StaffCode(id string, code []byte, rounds int) (string, error) {
	switch {
	case !ValidStaffID(id):
		return "", fmt.Errorf("policy: a staff id has 1 to %d digits", MaxStaffID)
	case !ValidStaffCode(code):
		return "", fmt.Errorf("policy: a personal code has %d to %d digits", MinStaffCode, MaxStaffCode)
	case rounds < minRounds || rounds > maxRounds:
		return "", fmt.Errorf("policy: rounds must be from %d to %d", minRounds, maxRounds)
	}
	v := verifier{rounds: rounds, salt: make([]byte, codeSalt)}
	rand.Read(v.salt)
	v.hash = v.derive(id, code)
	return v.String(), nil
}

// ValidStaffID reports whether id can be typed at a counter: 1 to 8 digits.
func ValidStaffID(id string) bool {
	return len(id) >= 1 && len(id) <= MaxStaffID && digits([]byte(id))
}

// ValidStaffCode reports whether code has the form of a personal code: 6 to 12 digits.
func ValidStaffCode(code []byte) bool {
	return len(code) >= MinStaffCode && len(code) <= MaxStaffCode && digits(code)
}

func digits(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c < '0' || c > '9' })
}

func (s staff) may(r Role, at protocol.Terminal, now time.Time) bool {
	return slices.Contains(s.roles, r) && now.Before(s.until) && (len(s.terminals) == 0 || slices.Contains(s.terminals, at))
}

func (s staff) answers(m protocol.Municipality) bool {
	return s.municipality == "" || s.municipality == m
}

// Staffed reports whether anybody may, at this terminal and now, confirm the names on certificates.
func (p *Policy) Staffed(at protocol.Terminal, now time.Time) bool {
	return slices.ContainsFunc(p.staff, func(s staff) bool { return s.may(Confirm, at, now) })
}

// StaffedFor reports whether anybody may, at this terminal and now, confirm the names on certificates of a municipality.
func (p *Policy) StaffedFor(m protocol.Municipality, at protocol.Terminal, now time.Time) bool {
	return slices.ContainsFunc(p.staff, func(s staff) bool { return s.answers(m) && s.may(Confirm, at, now) })
}

// Confirms reports whether code is the personal code of the member of staff with this id, who may, at this terminal and
// now, confirm the name on a certificate of this municipality. An id that nobody has takes as long as whoever takes longest. known is the
// id where somebody of this policy has it, and else "": what was typed may be anything.
func (p *Policy) Confirms(id string, code []byte, at protocol.Terminal, of protocol.Municipality, now time.Time) (is bool, known string) {
	i := slices.IndexFunc(p.staff, func(s staff) bool { return s.id == id })
	if i < 0 {
		if len(p.staff) > 0 {
			slices.MaxFunc(p.staff, func(a, b staff) int { return a.code.rounds - b.code.rounds }).code.fits(id, code)
		}
		return false, ""
	}
	s := p.staff[i]
	fits := s.code.fits(id, code)
	return fits && s.may(Confirm, at, now) && s.answers(of), id
}

type wireStaff struct {
	ID           string              `toml:"id"`
	Roles        []Role              `toml:"roles"`
	Code         verifier            `toml:"code"`
	Expires      date                `toml:"expires"`
	Municipality code                `toml:"municipality"`
	Terminals    []protocol.Terminal `toml:"terminals"`
}

// date is a day in Japan, to its end.
type date struct{ time.Time }

func (d *date) UnmarshalText(b []byte) error {
	day, err := time.ParseInLocation(time.DateOnly, string(b), tokyo.Zone())
	if err != nil {
		return errors.New(`not a day such as "2027-03-31"`)
	}
	d.Time = day.AddDate(0, 0, 1)
	return nil
}

// ValidDay reports whether a policy takes day as the end of somebody's time: "2027-03-31".
func ValidDay(day string) bool { return new(date).UnmarshalText([]byte(day)) == nil }

// people reads the staff.
func (p *Policy) people(all []wireStaff, nodes []*keys.Node) error {
	for i, w := range all {
		s := staff{w.ID, w.Roles, w.Code, w.Expires.Time, w.Municipality.Municipality, w.Terminals}
		if err := p.known(s.municipality, nodes[i]); err != nil {
			return err
		}
		p.staff = append(p.staff, s)
	}
	return nil
}

// codeForm is that of a verifier.
var codeForm = &keys.Form{
	Says: fmt.Sprintf("%s:ROUNDS:SALT:HASH with %d to %d rounds; honnind policy staff-code makes one", codeScheme, minRounds, maxRounds), Type: "string",
	Pattern: `^pbkdf2-sha256:[0-9]{6,7}:[A-Za-z0-9_-]{22}:[A-Za-z0-9_-]{43}$`,
	Fits:    func(s string) bool { return new(verifier).UnmarshalText([]byte(s)) == nil },
}
