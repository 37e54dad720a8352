// Package ccidtest is a card reader on USB made of software, written from the reader's side of the standards: the messages
// of CCID (USB-IF, Device Class: Smart Card, rev. 1.1) at any exchange level, and the card's side of T=1 and T=0
// (ISO/IEC 7816-3:2006). It is imported by tests, and by what lends it to a real kernel.
//
// It shares no code with the driver that is tested on it, so that the two cannot be wrong together, and so that somebody
// else's driver can be tried on it first.
package ccidtest
