package journal

import "honnin/config/protocol"

// Head returns the journal's head as it was when e, as read from a journal, was its last entry.
func (e Entry) Head() (protocol.JournalHead, error) {
	b, err := e.encode()
	return protocol.JournalHead{Position: e.Seq, Head: digest(b)}, err
}
