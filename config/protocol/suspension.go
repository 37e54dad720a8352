package protocol

// SuspensionsFormat is the value of the "format" member of what a centre signs about suspensions.
const SuspensionsFormat = "honnin-suspensions/1"

// MaxSuspensions bounds one answer, so that it fits into [MaxJSON] whatever stands in it.
const MaxSuspensions = 128

// SuspensionsQuestion is the body of POST /v1/suspensions.
type SuspensionsQuestion struct {
	Nonce Nonce `json:"nonce"` // fresh, for this question only
}

// Suspensions is the content that the centre signs (CMS, the package's profile): all that is suspended for all terminals now. The
// nonce makes it the answer to one question, by no clock.
type Suspensions struct {
	Format    string       `json:"format"`
	Nonce     Nonce        `json:"nonce"` // echoes the question's
	At        Time         `json:"at"`
	Suspended []Suspension `json:"suspended"` // at most [MaxSuspensions]; empty: nothing is
}

// Suspension stops a municipality, or a software wherever it is at work, or a software in one municipality.
type Suspension struct {
	Municipality Municipality       `json:"municipality,omitzero"`
	Software     *SuspendedSoftware `json:"software,omitzero"`
	Since        Time               `json:"since"`
	Incident     IncidentID         `json:"incident"` // that led to it
}

// SuspendedSoftware is a program as statements name it.
type SuspendedSoftware struct {
	Name string `json:"name"`           // 1 to 64 bytes
	UpTo string `json:"up_to,omitzero"` // this version and all below, 1 to 64 bytes; absent: every version
}

// ParseSuspensions reads the signed content strictly.
func ParseSuspensions(b []byte) (s Suspensions, err error) {
	if err := parseWhole(b, &s); err != nil {
		return Suspensions{}, err
	}
	if s.Format != SuspensionsFormat || len(s.Suspended) > MaxSuspensions {
		return Suspensions{}, malformed("suspensions: format, or more than 128")
	}
	for _, one := range s.Suspended {
		if one.Municipality == "" && one.Software == nil || one.Software != nil && !one.Software.valid() {
			return Suspensions{}, malformed("suspension: neither municipality nor software, or no name or version")
		}
	}
	return s, nil
}

func (s *SuspendedSoftware) valid() bool {
	return s.Name != "" && len(s.Name) <= 64 && (s.UpTo == "" || len(s.UpTo) <= 64 && ValidVersion(s.UpTo))
}

// Whole reports whether everything that a municipality issues is suspended, whatever made it.
func (s Suspensions) Whole(m Municipality) bool {
	for _, one := range s.Suspended {
		if one.Municipality == m && one.Software == nil {
			return true
		}
	}
	return false
}

// Stops reports whether what a municipality issued with a software is suspended. A version that is none is below every other.
func (s Suspensions) Stops(m Municipality, by Software) bool {
	for _, one := range s.Suspended {
		if (one.Municipality == "" || one.Municipality == m) && one.Software.covers(by) {
			return true
		}
	}
	return false
}

// covers reports whether a program is meant; nil means every one.
func (s *SuspendedSoftware) covers(by Software) bool {
	return s == nil || s.Name == by.Name && (s.UpTo == "" || CompareVersions(by.Version, s.UpTo) <= 0)
}
