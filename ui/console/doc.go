// Package console is what a technician with a laptop and a serial cable talks to: the line editor, the table of commands, the
// sign-in and the answers. It knows an io.ReadWriter and nothing of the terminal: the daemon plugs in a [Machine], which does
// the commands, and the [Keys], [Seats] and [Journal] that they need.
//
// # The table
//
// [Commands] is the one place where a command is: name, role, inputs, help, examples, and every kind of line that its answer
// may have, with the kind of each field. Parser, completion, help, both pages (CONSOLE.md, CONSOLE.ja.md), the manual page (honnind-console.8, honnind-console.ja.8) and the check of
// every answer read it. A Machine answers with [Answer.Row]: a line's code and a value for each field. There is a maker for
// each kind of [Value] and none for text that was read somewhere, so that a name, an address or a PIN has no way onto the
// line; a row that does not fit the table is not shown [Unfit]. Fields that are not for everybody are blanked here for
// who has not signed in. People get aligned, paged text; with --json every row is an object on a line, and the last has
// "code":"done" and how it went. What the stable words of the answers mean stands in the vocabulary: the pages list it, and a
// Japanese screen shows the meaning in place of the word.
//
// # Signing in
//
// login writes two lines: which terminal wants what role, and when; and 32 random bytes. The technician signs them with
// ssh-keygen -Y sign and pastes the signature. It is checked with github.com/hiddeco/sshsig (Apache 2.0, 450 lines, over
// golang.org/x/crypto/ssh, which does the cryptography); what that library lets through around a signature is refused before.
// Ed25519 and ECDSA with P-256 only, no certificates, no keys behind a token. A challenge is good for one answer and two
// minutes. After a wrong one [Door] makes everybody wait, also over a hang-up. Then the seat is taken and the
// sign-in journalled, or nobody is signed in. What was typed before is thrown away. Signed out is: who logs out, gives no command
// for ten minutes (noise is none), sends a break, whose line hangs up, whose key the policy no longer lists, and who is drowned by noise.
// Every command of who has signed in is journalled before it is done, by its name alone.
//
// Keys whose policy is out of its time are marked ([Key]): who signs in with one looks, and does what the table marks as opening nothing,
// such as bringing the next policy. That is decided anew at each command, too.
//
// # The line
//
// golang.org/x/term has a Terminal that was weighed: it always writes control sequences, draws the rest of a line anew at each
// key, takes noise for input, and has no end to what it keeps, no paging, no time. All of that is wrong here, so the editor
// is our own.
//
// A serial line does not say what is at its other end. It is taken to be dumb: printable characters, CR, LF and backspace, with
// which all of the editor works, only with more bytes. It is taken to speak VT100 once it sends a control sequence
// (a cursor key), or answers the question for its device attributes (ESC [ c), which is asked at the first empty line, or by
// "terminal auto"; nobody waits for the answer, and a dumb one that shows the question has it written over at once. Its size is
// asked for, too. The cursor's last column is never written to. At each key only what differs from the first difference on is sent.
//
// A line has at most 1 KiB. What is more, and what no key sends (bytes that are no UTF-8), is noise: from there on everything is
// thrown away, without an echo, until nothing comes for 250 ms; then it is said once. So is a flood of keys that do nothing.
// A NUL is how a break arrives. One goroutine reads and one writes; memory is bounded whatever comes. A line that takes no output for 30 s is given up.
// While a command runs, Ctrl-C ends it; up to 4 KiB typed ahead are kept.
package console
