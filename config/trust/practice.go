package trust

import (
	"crypto/x509"
	"slices"
)

// PracticePolicy is the certificate policy that marks an anchor of a practice world: 2.25 and a random UUID
// (ef3562b6-d9c5-4354-bff2-c2276c6885e3) as an integer, ITU-T X.667. A policy is used, not an extension of our own,
// because Go reads identifiers with arcs this long only there.
const PracticePolicy = "2.25.317962684889160698427741139766788785635"

// IsPractice reports whether c bears [PracticePolicy]. A production terminal refuses such anchors.
func IsPractice(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.Policies, func(o x509.OID) bool { return o.String() == PracticePolicy })
}
