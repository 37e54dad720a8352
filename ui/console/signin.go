package console

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"honnin/config/policy"
	"honnin/config/protocol"
)

// Namespace is what a technician signs for (OpenSSH PROTOCOL.sshsig): a signature for anything else, such as a file or a
// commit, is none for us.
const Namespace = "honnin-console"

// ChallengeLife is how long a challenge can be answered.
const ChallengeLife = 2 * time.Minute

// challenge is what is signed: two lines that fit on a screen of 80 columns, so that nothing is cut when they are copied.
// The first says to the technician, too, which terminal wants what.
type challenge struct {
	role  policy.Role
	at    time.Time
	lines [2]string
}

// newChallenge draws 32 random bytes.
func newChallenge(t protocol.Terminal, r policy.Role, now time.Time, random io.Reader) (challenge, error) {
	var nonce [32]byte
	if _, err := io.ReadFull(random, nonce[:]); err != nil {
		return challenge{}, fmt.Errorf("console: random: %w", err)
	}
	first := fmt.Sprintf("%s:%s:%s:%s", Namespace, t, r, now.UTC().Format("20060102T150405Z"))
	return challenge{r, now, [2]string{first, base64.RawURLEncoding.EncodeToString(nonce[:])}}, nil
}

// messages are what a technician may have signed: the two lines as a file, an editor or a terminal of any system ends them.
func (c challenge) messages() (out []string) {
	for _, newline := range []string{"\n", "\r\n"} {
		text := c.lines[0] + newline + c.lines[1]
		out = append(out, text, text+newline)
	}
	return out
}

// judge says who answered the challenge, or why nobody did; "" is no reason. What it refuses is told apart as far as it
// helps an honest technician: whoever holds no listed key learns from it only that.
func (c challenge) judge(pasted []byte, keys []Key, now time.Time) (Key, Code) {
	if age := now.Sub(c.at); age < 0 || age > ChallengeLife {
		return Key{}, TooLate
	}
	sig, code := unarmour(pasted)
	if code != "" {
		return Key{}, code
	}
	key, code := holder(sig.PublicKey, keys, c.role)
	switch {
	case code != "":
		return Key{}, code
	case sig.Namespace != Namespace:
		return Key{}, OtherPurpose
	}
	for _, m := range c.messages() {
		if sshsig.Verify(strings.NewReader(m), sig, sig.PublicKey, sig.HashAlgorithm, Namespace) == nil {
			return key, ""
		}
	}
	return Key{}, OtherChallenge
}

const armourBegin, armourEnd = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"

// unarmour reads exactly one signature, in the form that ssh-keygen writes; lines may end as on any system. What the library
// would let through (text around the armour, headers, a second block, a reserved field) is refused: there is one way to write
// a signature.
func unarmour(pasted []byte) (*sshsig.Signature, Code) {
	text := bytes.TrimSpace(bytes.ReplaceAll(bytes.ReplaceAll(pasted, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n")))
	block, rest := pem.Decode(text)
	if block == nil || block.Type != sshsig.PEMType || len(rest) != 0 || len(block.Headers) != 0 || !bytes.HasPrefix(text, []byte(armourBegin+"\n")) {
		return nil, BadArmour
	}
	sig, err := sshsig.ParseSignature(block.Bytes)
	if err != nil {
		return nil, parseCode(block.Bytes)
	}
	if kind := sig.PublicKey.Type(); kind != ssh.KeyAlgoED25519 && kind != ssh.KeyAlgoECDSA256 || sig.Signature.Format != kind {
		return nil, KeyKind
	}
	if !bytes.Equal(sig.Marshal(), block.Bytes) {
		return nil, BadArmour
	}
	return sig, ""
}

// parseCode tells a kind of key that we, or the library, do not take from what is no signature at all.
func parseCode(blob []byte) Code {
	var head struct {
		Magic   [6]byte
		Version uint32
		Key     []byte
		Rest    []byte `ssh:"rest"`
	}
	var kind struct {
		Kind string
		Rest []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(blob, &head) == nil && string(head.Magic[:]) == "SSHSIG" && ssh.Unmarshal(head.Key, &kind) == nil &&
		kind.Kind != ssh.KeyAlgoED25519 && kind.Kind != ssh.KeyAlgoECDSA256 {
		return KeyKind
	}
	return BadArmour
}

// holder is whose key it is, with the role asked for; who may repair may look.
func holder(pub ssh.PublicKey, keys []Key, r policy.Role) (Key, Code) {
	code := UnknownKey
	for _, k := range keys {
		listed, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(k.SSH))
		if err != nil || len(rest) != 0 || !bytes.Equal(listed.Marshal(), pub.Marshal()) || !may(k.Role, r) {
			continue
		}
		if !k.Expired {
			return k, ""
		}
		code = ExpiredKey
	}
	return Key{}, code
}

// Door remembers failed sign-ins of all sessions of a terminal, so that hanging up does not make them undone. After each one
// the next challenge is given only after 1 s, 2 s, 4 s and so on to 60 s; a sign-in ends that.
type Door struct {
	mu    sync.Mutex
	fails int
	until time.Time
}

const longestWait = time.Minute

// wait is how long no challenge is given yet.
func (d *Door) wait(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.until.Sub(now) > longestWait { // a clock was set back
		d.until = now.Add(longestWait)
	}
	return max(0, d.until.Sub(now))
}

func (d *Door) failed(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := min(time.Second<<min(d.fails, 6), longestWait)
	d.fails++
	d.until = now.Add(w)
	return w
}

func (d *Door) opened() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails, d.until = 0, time.Time{}
}
