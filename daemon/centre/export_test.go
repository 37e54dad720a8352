package centre

import "net/http"

// Final says whether delivery gives up after an error: the word, or "".
var Final = final

// Forbidding is the transport of a client that may not speak.
func Forbidding(why error) http.RoundTripper { return asking{may: func() error { return why }} }
