// Package qemu boots Debian's own kernel in a machine without hardware, for tests of what only a real kernel's USB has to
// say. It is imported by tests.
//
// The machine is QEMU's q35 with one processor, always emulated (TCG): the same everywhere, whether or not the host lends
// its own virtualization. Kernel and modules come from Debian's package, which is fetched once by apt-get and unpacked into
// the user's cache directory, for installing a kernel where none can run helps nobody. The root is an archive in memory, made
// anew for each boot: the kernel's modules, udevd, and the programs that the test brings, with the libraries that they are
// linked to. Its first process is package main in testdata/usb/guest, which does what the test tells it over a
// network card, and nobody else is on that network.
//
// Devices are plugged in over QMP while the machine runs, since a boot takes longer than any one test.
package qemu
