package practice

import (
	"fmt"

	"honnin/config/policy"
)

// StaffID and StaffCode are what the member of staff of a practice counter types. Everybody may know them: no production
// terminal takes this world's policy.
const (
	StaffID   = "1207"
	StaffCode = "246810"
)

// staffVerifier is of that code, with as few rounds as a policy may have.
const staffVerifier = "pbkdf2-sha256:100000:dOERJGkoNqwi4Q-4dBNB4w:HJj445qAlTUY08Eah3ma1MIFrJK8vQxhhJWjmC7nFII"

// staff is the policy's table of those who confirm names.
func staff() string {
	return fmt.Sprintf("\n[[staff]]\nid = %q\nroles = [%q]\ncode = %q\nexpires = \"2999-12-31\"\n", StaffID, policy.Confirm, staffVerifier)
}
