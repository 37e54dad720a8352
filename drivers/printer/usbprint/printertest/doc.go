// Package printertest is a printer on USB made of software, written from the printer's side of the standards: USB Printing
// Devices 1.1 (7/1/1 and 7/1/2), and IPP over USB (7/1/4), whose HTTP it hands on, byte for byte, to an IPP printer that
// somebody else wrote. It is imported by tests, and by what lends it to a real kernel.
//
// It shares no code with the driver that is tested on it, so that the two cannot be wrong together, and so that somebody
// else's driver can be tried on it first.
package printertest
