package redir

import (
	"net"
	"testing"

	"honnin/drivers/card/ccid/ccidtest"
	"honnin/drivers/printer/usbprint/printertest"
)

// said is packets as QEMU sends them.
func said(packets ...packet) (b []byte) {
	for _, p := range packets {
		b = le.AppendUint32(b, uint32(p.kind))
		b = le.AppendUint32(b, uint32(len(p.body)))
		b = append(le.AppendUint64(b, p.id), p.body...)
	}
	return b
}

func text(s string) []byte { return []byte(s) }

// FuzzServe: whatever QEMU says after its hello, a port ends with the stream, answers nothing that was not asked, and says
// nothing that is not of the protocol.
func FuzzServe(f *testing.F) {
	configured := said(packet{reset, 0, nil}, packet{setConfig, 1, text("\x01")})
	status := text("\x01\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x65\x00\x00\x00\x00\x00\x07\x00\x00\x00")
	for _, seed := range [][]byte{
		configured,
		append(configured, said(packet{controlData, 2, text("\x80\x06\x80\x00\x00\x01\x00\x00\x12\x00")}, packet{getConfig, 3, nil}, packet{getAlternate, 3, text("\x00")})...),
		append(configured, said(packet{setAlternate, 2, text("\x00\x01")}, packet{startInterrupt, 3, text("\x83")}, packet{stopInterrupt, 3, text("\x83")})...),
		append(configured, said(packet{bulkData, 4, status}, packet{bulkData, 5, text("\x82\x00\x0f\x01\x00\x00\x00\x00\x00\x00")}, packet{cancelData, 5, nil})...),
		append(configured, said(packet{controlData, 6, text("\x00\x01\x02\x00\x00\x00\x82\x00\x00\x00")}, packet{disconnectAck, 0, nil}, packet{filterReject, 0, nil})...),
	} {
		f.Add(true, seed)
		f.Add(false, seed)
	}
	f.Fuzz(func(t *testing.T, card bool, stream []byte) {
		d := Printer(printertest.New(printertest.Model{Direct: 2}, nil))
		if card {
			d = Reader(ccidtest.New(ccidtest.Model{Level: ccidtest.ShortAPDU}))
		}
		port, err := NewPort(d)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		q := &qemu{t: t, conn: ours, got: make(chan packet, 1), done: make(chan struct{})}
		go func() {
			_ = port.Serve(t.Context(), theirs)
			close(q.done)
		}()
		q.greet(capabilities)
		asked := make(chan map[uint64]int)
		go q.listen()
		go func() { asked <- replies(t, q.got) }()
		_, _ = ours.Write(stream)
		_ = ours.Close()
		<-q.done
		for id, n := range <-asked {
			if n > questions(stream, id) {
				t.Errorf("%d answers to %d", n, id)
			}
		}
	})
}

// replies counts the answers to transfers, by id.
func replies(t *testing.T, got <-chan packet) map[uint64]int {
	sizes := map[kind]int{endpointInfo: 160, interfaceInfo: 132, connect: 10, disconnect: 0, configStatus: 2, alternateStatus: 3, interruptStatus: 2}
	n := map[uint64]int{}
	for p := range got {
		switch want, fixed := sizes[p.kind]; {
		case p.kind == controlData && len(p.body) >= controlHead, p.kind == bulkData && len(p.body) >= bulkHead:
			n[p.id]++
		case p.kind == interruptData && len(p.body) >= 4, fixed && len(p.body) == want:
		default:
			t.Errorf("packet %d of %d bytes", p.kind, len(p.body))
		}
	}
	return n
}

// questions counts the transfers that were asked for with an id.
func questions(stream []byte, id uint64) (n int) {
	for len(stream) >= 16 {
		k, size := kind(le.Uint32(stream)), int(le.Uint32(stream[4:]))
		if k == controlData || k == bulkData {
			if le.Uint64(stream[8:]) == id {
				n++
			}
		}
		stream = stream[min(16+size, len(stream)):]
	}
	return n
}
