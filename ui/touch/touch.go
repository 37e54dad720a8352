// Package touch is the applicant's screens: web pages on loopback, drawn by the server, for one kiosk browser.
//
// Parties. The daemon says what is to be seen ([Server.Show] of a [Screen], an immutable picture) and is told what
// a finger did ([Server.Fingers]). This package knows pictures and fingers, not the session: it decides nothing.
// The browser is given finished HTML over an event stream and posts small forms back; its one script file fills a
// picture in, collects the digits of a PIN, counts seconds down, and holds no other state.
//
// What can go wrong, and what stands against it:
//   - A tap meant for an earlier picture, or a second tap. Every picture has a number; a finger carries it back. Each
//     picture takes one finger. Others are dropped and counted ([Server.Dropped]).
//   - A finger of an earlier visit: the same, and the visit's number rides along for the session to check again.
//   - Another page or program on the machine. Listening is the daemon's (loopback); here every request must have one
//     of the given Host values, writes must have this Origin, and all but the entry need the cookie of the one
//     browser that entered last with the entry token (a new entry ends the earlier one).
//   - The PIN. It travels once, as the raw body of its own request, is never part of a URL, a form, a log or a
//     picture, and the buffers that held it are overwritten.
//   - Foreign text. All is escaped by html/template; the policy forbids inline script and style, framing by others,
//     and every address but our own.
//   - A language nobody can read after the visit: it falls back to the first, Japanese as a rule, when the visit ends.
package touch

import "github.com/sirupsen/logrus"

// Options makes a [Server].
type Options struct {
	Hosts  []string           // exact Host values accepted, such as "127.0.0.1:8080"; none: every request is refused
	Panel  Panel              // nil outside practice
	Logger logrus.FieldLogger // nil: no log
	Entry  string             // token of /enter/TOKEN, at least 32 characters; "" makes a random one
}
