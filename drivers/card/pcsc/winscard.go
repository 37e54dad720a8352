package pcsc

// #cgo pkg-config: libpcsclite
// #include <stdlib.h>
// #include <string.h>
// #include <winscard.h>
import "C"

import (
	"bytes"
	"unsafe"
)

// code is a PC/SC return value (winscard: SCARD_E_…, SCARD_W_…).
type code uint32

// The codes that mean something to this package (PCSC/pcsclite.h).
const (
	codeOK                 code = 0
	codeCancelled          code = 0x80100002
	codeInvalidHandle      code = 0x80100003
	codeUnknownReader      code = 0x80100009
	codeTimeout            code = 0x8010000A
	codeSharingViolation   code = 0x8010000B
	codeNoSmartcard        code = 0x8010000C
	codeProtocolMismatch   code = 0x8010000F
	codeCommError          code = 0x80100013
	codeReaderUnavailable  code = 0x80100017
	codeNoService          code = 0x8010001D
	codeServiceStopped     code = 0x8010001E
	codeNoReadersAvailable code = 0x8010002E
	codeUnsupportedCard    code = 0x80100065
	codeUnresponsiveCard   code = 0x80100066
	codeUnpoweredCard      code = 0x80100067
	codeResetCard          code = 0x80100068
	codeRemovedCard        code = 0x80100069
)

func (c code) Error() string {
	return "pcsc: " + C.GoString(C.pcsc_stringify_error(C.LONG(c)))
}

func check(r C.LONG) error {
	if c := code(uint32(r)); c != codeOK {
		return c
	}
	return nil
}

// winscard is libpcsclite. Its calls take no context and may block as long as pcscd pleases.
type winscard struct{}

func (winscard) establish() (session, error) {
	var ctx C.SCARDCONTEXT
	if err := check(C.SCardEstablishContext(C.SCARD_SCOPE_SYSTEM, nil, nil, &ctx)); err != nil {
		return nil, err
	}
	return scardContext(ctx), nil
}

type scardContext C.SCARDCONTEXT

func (s scardContext) release() { C.SCardReleaseContext(C.SCARDCONTEXT(s)) }
func (s scardContext) cancel()  { C.SCardCancel(C.SCARDCONTEXT(s)) }

// readers asks for the size and then for the list; a list that grew between the two is asked for again.
func (s scardContext) readers() ([]string, error) {
	var n C.DWORD
	if err := check(C.SCardListReaders(C.SCARDCONTEXT(s), nil, nil, &n)); err != nil {
		return nil, err
	}
	buf := make([]byte, max(n, 1)+C.MAX_READERNAME)
	n = C.DWORD(len(buf))
	if err := check(C.SCardListReaders(C.SCARDCONTEXT(s), nil, (*C.char)(unsafe.Pointer(&buf[0])), &n)); err != nil {
		return nil, err
	}
	return multiString(buf[:n]), nil
}

// multiString splits a PC/SC multi-string: names that end in NUL, and a NUL at the end.
func multiString(b []byte) (names []string) {
	for name := range bytes.SplitSeq(b, []byte{0}) {
		if len(name) == 0 {
			break
		}
		names = append(names, string(name))
	}
	return names
}

// wait keeps the states in C's memory: the library looks at them as long as it blocks.
func (s scardContext) wait(states []readerState, milliseconds uint32) error {
	size := C.size_t(len(states)) * C.sizeof_SCARD_READERSTATE
	mem := C.calloc(1, size)
	defer C.free(mem)
	rows := unsafe.Slice((*C.SCARD_READERSTATE)(mem), len(states))
	for i := range states {
		name := C.CString(states[i].name)
		defer C.free(unsafe.Pointer(name))
		rows[i].szReader = name
		rows[i].dwCurrentState = C.DWORD(states[i].state)
	}
	err := check(C.SCardGetStatusChange(C.SCARDCONTEXT(s), C.DWORD(milliseconds), &rows[0], C.DWORD(len(rows))))
	if err == nil {
		for i := range states {
			states[i].state = uint32(rows[i].dwEventState)
			states[i].atr = C.GoStringN((*C.char)(unsafe.Pointer(&rows[i].rgbAtr[0])), C.int(min(rows[i].cbAtr, C.MAX_ATR_SIZE)))
		}
	}
	return err
}

func (s scardContext) connect(reader string) (handle, error) {
	name := C.CString(reader)
	defer C.free(unsafe.Pointer(name))
	h := &scardHandle{}
	err := check(C.SCardConnect(C.SCARDCONTEXT(s), name, C.SCARD_SHARE_EXCLUSIVE, C.SCARD_PROTOCOL_ANY, &h.card, &h.protocol))
	if err != nil {
		return nil, err
	}
	return h, nil
}

type scardHandle struct {
	card     C.SCARDHANDLE
	protocol C.DWORD
}

func (h *scardHandle) transmit(command, answer []byte) (int, error) {
	pci := C.SCARD_IO_REQUEST{dwProtocol: h.protocol, cbPciLength: C.sizeof_SCARD_IO_REQUEST}
	n := C.DWORD(len(answer))
	err := check(C.SCardTransmit(h.card, &pci, (*C.BYTE)(&command[0]), C.DWORD(len(command)), nil, (*C.BYTE)(&answer[0]), &n))
	if err != nil {
		return 0, err
	}
	return min(int(n), len(answer)), nil
}

func (h *scardHandle) disconnect(how disposition) error {
	return check(C.SCardDisconnect(h.card, C.DWORD(how)))
}
