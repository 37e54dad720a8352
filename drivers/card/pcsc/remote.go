package pcsc

// DefaultSocket is where libpcsclite looks for pcscd on Debian when nothing else is said.
const DefaultSocket = "/run/pcscd/pcscd.comm"

// The variables that lead libpcsclite elsewhere: to another socket (winscard_clnt.c), or, where it is a stand-in for the
// real library, to another library altogether (libredirect.c).
var redirections = []string{"PCSCLITE_CSOCK_NAME", "LIBPCSCLITE_DELEGATE"}

// Redirected reports which variable of an environment leads PC/SC away from this machine's own pcscd, "" when none
// does. A terminal in production refuses to run then: whoever sets it decides what card is seen.
func Redirected(lookup func(string) (string, bool)) string {
	for _, name := range redirections {
		if value, ok := lookup(name); ok && value != "" && value != DefaultSocket {
			return name
		}
	}
	return ""
}
