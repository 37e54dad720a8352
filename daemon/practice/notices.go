package practice

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/daemon/practice/pki"
)

// Those who act on incidents in the practice world. Each has a key and a certificate of this name in the directory of the
// keys, ".key" and ".pem", for "honnind incident".
const (
	TakerID  = "practice-taker"
	CloserID = "practice-closer"
)

// notices is the policy's part about incidents: whose receipts count, who is told, who acknowledges and who closes.
func (w *World) notices() string {
	return fmt.Sprintf("\n[centre]\nsigners = [%s]\n%s[deadlines]\nacknowledge = \"30m\"\nstop = \"4h\"\n",
		inline(w.keys.Receipts.Certificate), contacts()) + keyholder(TakerID, w.keys.Taker.Certificate, policy.Acknowledge) +
		keyholder(CloserID, w.keys.Closer.Certificate, policy.Acknowledge, policy.Close)
}

// Contacts are the offices that the practice world's policy has told of incidents, in this order.
func Contacts() []string {
	return []string{"practice-operations", "practice-municipality", "practice-management"}
}

func contacts() (text string) {
	for _, id := range Contacts() {
		text += fmt.Sprintf("[[contact]]\nid = %q\nreach = \"tel:+81-3-0000-0000\"\n", id)
	}
	return text
}

func keyholder(id string, key *x509.Certificate, roles ...policy.Role) string {
	var words []string
	for _, r := range roles {
		words = append(words, fmt.Sprintf("%q", r))
	}
	return fmt.Sprintf("[[person]]\nid = %q\nroles = [%s]\nkey = %s\nexpires = \"2999-12-31\"\n", id, strings.Join(words, ", "), inline(key))
}

// handOut gives both persons their keys, and the municipalities theirs.
func handOut(dir string, keys *pki.Keys) error {
	if dir == "" {
		return nil
	}
	if err := handOutIncidentKeys(dir, keys); err != nil {
		return err
	}
	for id, p := range map[string]*sign.Pair{TakerID: keys.Taker, CloserID: keys.Closer} {
		key, err := x509.MarshalPKCS8PrivateKey(p.Key)
		if err != nil {
			return err
		}
		for name, block := range map[string]*pem.Block{id + ".key": {Type: "PRIVATE KEY", Bytes: key}, id + ".pem": {Type: "CERTIFICATE", Bytes: p.Certificate.Raw}} {
			if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// brought reads what persons signed about an incident: files that begin with its name.
func (w *World) brought(id protocol.IncidentID) (out [][]byte) {
	if w.options.Incidents == "" {
		return nil
	}
	for _, state := range []string{protocol.IncidentAcknowledged, protocol.IncidentClosed} {
		b, err := os.ReadFile(filepath.Join(w.options.Incidents, StateFile(id, state)))
		if err == nil && len(b) <= trust.MaxDetached {
			out = append(out, b)
		}
	}
	return out
}

// StateFile is the name of a file with a signed state of an incident.
func StateFile(id protocol.IncidentID, state string) string { return string(id) + "." + state + ".p7s" }

// BringState takes to the centre what a person signed elsewhere.
func (w *World) BringState(signed []byte) error { return w.centre.Bring(signed) }

// Escalations returns whom a terminal wanted told of an incident, in the order in which the centre heard of it.
func (w *World) Escalations(terminal protocol.Terminal, of protocol.IncidentID) []protocol.Escalation {
	return w.centre.Escalations(terminal, of)
}
