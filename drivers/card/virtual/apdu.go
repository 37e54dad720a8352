package virtual

// Status words (ISO/IEC 7816-4 §5.6).
const (
	swOK            = 0x9000
	swMore          = 0x6100
	swEndOfFile     = 0x6282
	swTries         = 0x63C0
	swLength        = 0x6700
	swSecurity      = 0x6982
	swBlocked       = 0x6984
	swConditions    = 0x6985
	swNoCurrentFile = 0x6986
	swData          = 0x6A80
	swNotFound      = 0x6A82
	swP1P2          = 0x6A86
	swOffset        = 0x6B00
	swInstruction   = 0x6D00
	swClass         = 0x6E00
)

// command is a parsed command APDU.
type command struct {
	cla, ins, p1, p2 byte
	data             []byte
	le               int // 0 when absent
	extended         bool
}

// parse reads the seven cases of ISO/IEC 7816-4 §5.2; anything else is a wrong length.
func parse(b []byte) (command, uint16) {
	if len(b) < 4 {
		return command{}, swLength
	}
	cmd := command{cla: b[0], ins: b[1], p1: b[2], p2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0:
		return cmd, 0
	case len(body) == 1:
		cmd.le = le(body, 256)
		return cmd, 0
	case body[0] != 0:
		return cmd.split(body[1:], int(body[0]), 1, 256)
	case len(body) < 3:
		return cmd, swLength
	}
	cmd.extended = true
	if len(body) == 3 {
		cmd.le = le(body[1:], 65536)
		return cmd, 0
	}
	return cmd.split(body[3:], int(body[1])<<8|int(body[2]), 2, 65536)
}

// split takes n bytes of data and a Le field of width bytes, or none.
func (cmd command) split(rest []byte, n, width, most int) (command, uint16) {
	if n == 0 || len(rest) != n && len(rest) != n+width {
		return cmd, swLength
	}
	cmd.data = rest[:n]
	if len(rest) > n {
		cmd.le = le(rest[n:], most)
	}
	return cmd, 0
}

// le reads a Le field; all zeros is the most that fits.
func le(b []byte, most int) (n int) {
	for _, d := range b {
		n = n<<8 | int(d)
	}
	if n == 0 {
		return most
	}
	return n
}

func sw(data []byte, status uint16) []byte {
	return append(append(make([]byte, 0, len(data)+2), data...), byte(status>>8), byte(status))
}
