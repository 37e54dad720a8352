// Package usbprint drives a printer on USB, without CUPS: the printer class (USB-IF, USB Printing Devices 1.1; its sections
// are meant by § here) over package usb.
//
// # Two kinds
//
// A printer with an interface 7/1/4 speaks IPP over USB (USB-IF, IPP Protocol 1.0): each such interface is one HTTP
// connection, and package ipp runs over it as it does over a network, with its job counters, its way to settle after a
// restart, and everything that it does not believe. That is the kind for a terminal.
//
// A printer with nothing but 7/1/2 or 7/1/1 takes bytes and says whether it has paper. Whether a sheet came out, it cannot
// say: a document that was sent ends unsure ("no-job-counters"), always, and staff are called for each. So it is not ready
// ("no-ipp") unless [Options].Direct allows it, which is for a place where staff stand beside it. It gets a PDF only if its
// IEEE 1284 device id says that it speaks PDF, and one copy at a time: where one document ends and the next begins it has to
// guess, so more are refused ("copies-unsupported"). The bytes are the document's and nothing else.
//
//	what is known                                   | outcome | reason
//	------------------------------------------------|---------|-----------------------------------------------
//	no paper, an error, offline, no PDF, not opened | error   | nothing was sent
//	no byte was handed to the pipe                  | failed  | "not-opened", "canceled"
//	unplugged, stalled, no more bytes taken         | unsure  | "unplugged", "stalled", "deadline", the trouble
//	all taken, then trouble or the caller's end     | unsure  | the trouble, "canceled"
//	all taken                                       | unsure  | "no-job-counters"
//
// After trouble it is reset (SOFT_RESET, §4.2.3), so that nothing in its buffer comes out later into other hands. Before
// staff's word on the path counts, [Printer.Clear] does that in any case; until then it is "jobs-waiting".
//
// # HTTP over bulk pipes
//
// USB has no end of a connection: what a printer still has to say after its client has gone is said to the next. So
// an exchange is read to its end, also after its caller has left, before its pipes are used again, and an answer counts
// only if it has the request-id of the question; those of former ones are passed over. Where that does not help within
// some seconds the interface is given back, and claimed anew later, another one first if there is one. Empty packets mean
// nothing. Whatever is longer than IPP needs, or ends with the connection only, is refused.
//
// A request that was cut is worse: the printer takes whatever comes next for the rest of it, and a document that was cut
// would be whole to it. So nothing comes next, and no answer to it is believed but a refusal. The interface is selected anew (SET_INTERFACE), at which the printer's side
// forgets; one that has a single setting cannot be, and is not used again before the printer was unplugged. (A run that
// died over such a cut leaves it to its successor, who does not know; but then the journal has made it unsure, and called staff.)
// For the same reason long bodies are chunked.
//
// # Which printer
//
// By port, by vendor and product, or the only one ([printer.Selector]); never by serial number, which nobody asks for. Two that
// fit when it is looked for are none ("printer-ambiguous"). That is whenever an interface is claimed, so it may come and go;
// while one is held and answers, another printer that comes is not looked at, and does not change which one is meant. Interfaces are held
// from the first use to the unplug, to trouble as above, or to [Printer.Close]; a caller who leaves is no trouble. So a kernel
// driver (usblp) is detached once, and given back at the end.
// That makes two of CUPS' quirks unnecessary (no-reattach, delay-close); the others are in quirks.go.
package usbprint
