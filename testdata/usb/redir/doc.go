// Package redir lends a USB device made of software to QEMU, and so to the kernel that runs there: it is the usb-host's side
// of the USB Network Redirection protocol 0.7, whose other side is QEMU's usb-redir. A [Port] holds one [Device], which can
// be plugged and unplugged while the guest runs; [Reader] and [Printer] make devices of those that the drivers' own tests
// are run on, as they are.
//
// Each endpoint has one goroutine, which carries out its transfers in their order; a cancelled one ends with its context.
// What a device says is cut into packets, and packets are never lost: QEMU throws away what arrives for a transfer that it
// has just cancelled, where a real controller would report it, so those packets are put back in front.
//
// Whoever speaks wrongly is cut off with an error. Only capabilities that every QEMU since 1.5 has are used, and all of
// them are demanded: packet ids of 64 bits, bulk lengths of 32, packet sizes, and the confirmation of an unplug, without
// which nobody knows which plug a packet belongs to.
package redir
