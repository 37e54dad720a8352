package protocol

// Bounds of what a centre says of policies.
const (
	MaxVersion      = 1<<53 - 1 // of a policy
	MaxAnnounced    = 64        // policies in one answer
	MaxHints        = 64        // incidents in one answer
	MaxSignatures   = 32        // of one policy
	MaxPolicyBundle = 26 << 20  // bytes of a [PolicyBundle]: a text of 16 MiB and its signatures, in base64url
)

// Heartbeat is the body of POST /v1/heartbeats: how a terminal is. It holds nothing of any visit.
type Heartbeat struct {
	Terminal      Terminal    `json:"terminal"`
	At            Time        `json:"at"`                      // by the terminal's clock
	Software      string      `json:"software"`                // the version of its program, 1 to 64 bytes
	Policy        PolicyRef   `json:"policy,omitzero"`         // in force, or the last that was; absent: none was ever
	PolicyExpires Time        `json:"policy_expires,omitzero"` // of that one
	Waiting       uint64      `json:"waiting,omitzero"`        // the highest version that waits; absent: none
	KeysExpire    Time        `json:"keys_expire,omitzero"`    // the first of its certificates; absent where it does not know
	SelfTest      string      `json:"self_test,omitzero"`      // the opening day of the last one that passed, "2026-11-22"; absent: none did
	InService     bool        `json:"in_service"`
	Why           string      `json:"why,omitzero"`     // a word for why it is out of service
	Journal       JournalHead `json:"journal,omitzero"` // its last entry
}

// HeartbeatAnswer answers [Heartbeat].
type HeartbeatAnswer struct {
	LeastPolicy uint64      `json:"least_policy"` // no visit may begin with a lower version; 0: any will do
	Policies    []PolicyRef `json:"policies"`     // that can be fetched and the terminal has not, by rising version, at most [MaxAnnounced]

	// Incidents are those of this terminal that somebody moved on and that it has not asked about since, at most [MaxHints]. That
	// is nobody's word: it says what is worth asking first.
	Incidents []IncidentID `json:"incidents,omitzero"`
}

// Check judges the numbers of an answer.
func (a HeartbeatAnswer) Check() error {
	if a.LeastPolicy > MaxVersion || len(a.Policies) > MaxAnnounced {
		return malformed("heartbeat's answer: a version, or more than 64 policies")
	}
	last := uint64(0)
	for _, p := range a.Policies {
		if p.Version <= last || p.Version > MaxVersion {
			return malformed("heartbeat's answer: versions do not rise")
		}
		last = p.Version
	}
	return checkHints(a.Incidents)
}

// PolicyBundle answers GET /v1/policies/{version}: what is brought is judged by its signatures, whoever brings it.
type PolicyBundle struct {
	Text       Bytes   `json:"text"`       // of policy.toml, as it was signed
	Signatures []Bytes `json:"signatures"` // detached CMS (DER), each by one policy key; 1 to [MaxSignatures]
}

// ParsePolicyBundle reads one strictly, as [ParseBody] does, with a bound of its own.
func ParsePolicyBundle(b []byte) (p PolicyBundle, err error) {
	if err := parse(b, MaxPolicyBundle, &p); err != nil {
		return PolicyBundle{}, err
	}
	if n := len(p.Signatures); len(p.Text) == 0 || n == 0 || n > MaxSignatures {
		return PolicyBundle{}, malformed("policy: no text, or not 1 to 32 signatures")
	}
	return p, nil
}
