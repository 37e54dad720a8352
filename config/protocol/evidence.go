package protocol

import "strings"

// Evidence is what an incident knows of the package that it is about, and of the terminal that refused it: what a municipality
// needs to find the issuance, and its vendor the program. It holds nothing of the applicant, and of the statement no more than
// this. What stands here of a package was signed and read before it was written down:
//
//   - SignedBy and SignedAt once the signature verified and its certificate chained to an anchor of the policy. Of a signer that
//     is not trusted there is nothing: that certificate may be anybody's, even a card's.
//   - Serial, IssuedAt and Software once all that says whose bytes these are held, and the statement was well formed. Serial and
//     Software are the issuer's words. They go where the incident goes (the journal, the centre, the collectors that the policy
//     names, whoever reads those), and into no log, metric or error.
//
// The serial names the document at its municipality (its issuing number), not a card or a certificate.
type Evidence struct {
	Serial   Serial      `json:"serial,omitzero"`
	IssuedAt Time        `json:"issued_at,omitzero"`
	Software IssuedWith  `json:"software,omitzero"`
	SignedBy Digest      `json:"signed_by,omitzero"` // SHA-256 of the signer's certificate
	SignedAt Time        `json:"signed_at,omitzero"` // by the signer's clock
	Program  Program     `json:"program,omitzero"`   // of the terminal, with its version
	Policy   PolicyRef   `json:"policy,omitzero"`    // in force at the terminal
	Journal  JournalHead `json:"journal,omitzero"`   // the incident's own entry
}

// IssuedWith is an issuer's program as a statement names it. A name or version of a form that is not taken is absent.
type IssuedWith struct {
	Name    SoftwareName `json:"name,omitzero"`
	Version Version      `json:"version,omitzero"`
}

// Serial is a statement's serial: 1 to 64 of A-Z, a-z, 0-9 and hyphen.
type Serial string

// SoftwareName is a program's name as far as an incident takes it: 1 to 64 of A-Z, a-z, 0-9 and "._+-". A statement may bear any other.
type SoftwareName string

// Version is a semantic version of at most 64 bytes.
type Version string

// Program is a terminal's program and its version: 1 to 64 bytes of printable ASCII.
type Program string

const maxEvidence = 64 // bytes of each word

var softwareForm = form{1, maxEvidence, upper + lower + digits + "._+-"}

// Read adds what a well-formed statement says, as far as the forms take it.
func (e Evidence) Read(s Statement) Evidence {
	e.Serial, e.IssuedAt, e.Software = Serial(s.Serial), s.IssuedAt, IssuedWith{}
	if softwareForm.fits(s.Software.Name) {
		e.Software.Name = SoftwareName(s.Software.Name)
	}
	if len(s.Software.Version) <= maxEvidence {
		e.Software.Version = Version(s.Software.Version)
	}
	return e
}

// ProgramOf is a program's name and version, or "" where they are no such thing.
func ProgramOf(s string) Program {
	if !isProgram(s) {
		return ""
	}
	return Program(s)
}

func isProgram(s string) bool {
	return s != "" && len(s) <= maxEvidence && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// UnmarshalText checks the form.
func (s *Serial) UnmarshalText(b []byte) error {
	return formed(s, b, serialForm.fits, "serial")
}

// UnmarshalText checks the form.
func (s *SoftwareName) UnmarshalText(b []byte) error {
	return formed(s, b, softwareForm.fits, "software name")
}

// UnmarshalText checks the form.
func (v *Version) UnmarshalText(b []byte) error {
	return formed(v, b, func(s string) bool { return len(s) <= maxEvidence && ValidVersion(s) }, "software version")
}

// UnmarshalText checks the form.
func (p *Program) UnmarshalText(b []byte) error { return formed(p, b, isProgram, "program") }

func formed[T ~string](to *T, b []byte, fits func(string) bool, what string) error {
	if !fits(string(b)) {
		return malformed(what)
	}
	*to = T(b)
	return nil
}
