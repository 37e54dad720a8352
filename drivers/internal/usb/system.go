package usb

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// Rules is the file that lets a group open readers and printers; "honnind devices --rules" prints it.
const Rules = "70-honnin-usb.rules"

// system is this machine's buses.
type system struct {
	devices, nodes, processes string
	udev                      string // is there where udevd runs
	open                      func(at Place, iface, alternate int) (Handle, Setting, error)
}

// System is this machine's USB.
func System() Bus {
	return &system{devices: "/sys/bus/usb/devices", nodes: "/dev/bus/usb", processes: "/proc", udev: "/run/udev/control", open: open}
}

// List is as [Bus] says.
func (s *system) List(ctx context.Context) ([]Info, error) {
	entries, err := os.ReadDir(s.devices)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrNoBus, s.devices)
	}
	if err != nil {
		return nil, err
	}
	var list []Info
	for _, e := range entries {
		if !isPort(e.Name()) {
			continue
		}
		if i, err := s.look(e.Name()); err == nil && !i.isHub() { // one that was pulled meanwhile is not there
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Port, b.Port) })
	return list, ctx.Err()
}

// isPort tells "1-2.3" from root hubs ("usb1") and interfaces ("1-2.3:1.0").
func isPort(name string) bool {
	return strings.Contains(name, "-") && !strings.Contains(name, ":")
}

func (i Info) isHub() bool {
	return slices.ContainsFunc(i.Settings, func(s Setting) bool { return s.Class == 9 })
}

// look reads one device. The kernel keeps its descriptors as they were read when it was plugged in.
func (s *system) look(port string) (Info, error) {
	dir := filepath.Join(s.devices, port)
	raw, err := os.ReadFile(filepath.Join(dir, "descriptors"))
	if err != nil {
		return Info{}, err
	}
	if len(raw) < 18 || raw[0] != 18 || raw[1] != typeDevice {
		return Info{}, ErrDescriptor
	}
	i := Info{
		Place:        Place{Bus: number(dir, "busnum"), Address: number(dir, "devnum"), Port: port},
		Vendor:       binary.LittleEndian.Uint16(raw[8:]),
		Product:      binary.LittleEndian.Uint16(raw[10:]),
		Version:      binary.LittleEndian.Uint16(raw[12:]),
		Manufacturer: words(dir, "manufacturer"),
		Name:         words(dir, "product"),
		Speed:        speeds[words(dir, "speed")],
	}
	if i.Bus == 0 || i.Address == 0 {
		return Info{}, ErrGone
	}
	active := number(dir, "bConfigurationValue")
	i.Settings, i.Broken = configured(raw[18:], active)
	i.Drivers, i.DeviceIDs = s.interfaces(port, active, i.Settings)
	err = unix.Faccessat(unix.AT_FDCWD, s.node(i.Place), unix.R_OK|unix.W_OK, unix.AT_EACCESS)
	i.Denied = errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)
	return i, nil
}

// speeds are the kernel's, in Mbit/s (Documentation/ABI/testing/sysfs-bus-usb).
var speeds = map[string]string{"1.5": "low", "12": "full", "480": "high", "5000": "super", "10000": "super-plus", "20000": "super-plus"}

// configured finds the active configuration among all.
func configured(raw []byte, active int) ([]Setting, error) {
	for len(raw) > 0 {
		c, err := ParseConfiguration(raw)
		if err != nil || int(c.Value) == active {
			return c.Settings, err
		}
		raw = raw[binary.LittleEndian.Uint16(raw[2:]):] // not 0: it was parsed
	}
	return nil, fmt.Errorf("%w: it is not configured", ErrDescriptor)
}

// interfaces is which drivers are bound, and what usblp knows.
func (s *system) interfaces(port string, active int, settings []Setting) (bound, ids map[int]string) {
	bound, ids = map[int]string{}, map[int]string{}
	for _, t := range settings {
		dir := filepath.Join(s.devices, fmt.Sprintf("%s:%d.%d", port, active, t.Interface))
		if to, err := os.Readlink(filepath.Join(dir, "driver")); err == nil {
			bound[t.Interface] = filepath.Base(to)
		}
		if id, err := os.ReadFile(filepath.Join(dir, "ieee1284_id")); err == nil {
			ids[t.Interface] = unnumbered(string(id))
		}
	}
	return bound, ids
}

// unnumbered keeps the fields of a device id that say what a printer is, not which one.
func unnumbered(id string) string {
	var kept strings.Builder
	for field := range strings.SplitSeq(id, ";") {
		key, _, _ := strings.Cut(field, ":")
		switch strings.ToUpper(strings.TrimSpace(key)) {
		case "MFG", "MANUFACTURER", "MDL", "MODEL", "CMD", "COMMAND SET", "CLS", "CLASS":
			kept.WriteString(strings.TrimSpace(field) + ";")
		}
	}
	return kept.String()
}

func (s *system) node(at Place) string {
	return filepath.Join(s.nodes, fmt.Sprintf("%03d", at.Bus), fmt.Sprintf("%03d", at.Address))
}

func number(dir, name string) int {
	b, _ := os.ReadFile(filepath.Join(dir, name)) // a missing one is 0, which is no number here
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

// words is what a device says of itself, fit for display.
func words(dir, name string) string {
	const longest = 64
	b, _ := os.ReadFile(filepath.Join(dir, name)) // a device may say nothing
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, string(bytes.ToValidUTF8(b, nil)))
	r := []rune(strings.TrimSpace(clean))
	return string(r[:min(len(r), longest)])
}

// Claim is as [Bus] says.
func (s *system) Claim(ctx context.Context, at Place, iface, alternate int) (Interface, error) {
	i, err := s.look(at.Port)
	if err != nil || i.Place != at {
		return nil, ErrGone
	}
	if i.Broken != nil {
		return nil, i.Broken
	}
	type outcome struct {
		h   Handle
		s   Setting
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		h, t, err := s.open(at, iface, alternate)
		done <- outcome{h, t, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return nil, s.blame(o.err, i, iface)
		}
		return Over(o.h, o.s), nil
	case <-ctx.Done():
		go func() { // each step in there is bounded
			if o := <-done; o.err == nil {
				_ = o.h.Close()
			}
		}()
		return nil, fmt.Errorf("%w: %w", ErrTimeout, context.Cause(ctx))
	}
}

// blame says who is in the way, or what is missing.
func (s *system) blame(err error, i Info, iface int) error {
	switch driver := i.Drivers[iface]; {
	case errors.Is(err, ErrPermission):
		return fmt.Errorf("%w: %s may not be opened; install the udev rule %s and be in its group", ErrPermission, s.node(i.Place), Rules)
	case errors.Is(err, ErrBusy) && driver != "" && driver != Program:
		return fmt.Errorf("%w: by the kernel driver %s", ErrBusy, driver)
	case errors.Is(err, ErrBusy):
		return fmt.Errorf("%w: by %s", ErrBusy, cmp.Or(s.Holder(i.Place), "another program"))
	}
	return err
}

// Holder is as [Bus] says. This process counts last: it may have another interface of the same device.
func (s *system) Holder(at Place) (own string) {
	node := s.node(at)
	links, _ := filepath.Glob(filepath.Join(s.processes, "[0-9]*", "fd", "*"))
	for _, l := range links {
		if to, err := os.Readlink(l); err != nil || to != node {
			continue
		}
		process := filepath.Dir(filepath.Dir(l))
		name, err := os.ReadFile(filepath.Join(process, "comm"))
		switch word := strings.TrimSpace(string(name)); {
		case err != nil:
		case filepath.Base(process) == strconv.Itoa(os.Getpid()):
			own = word
		default:
			return word
		}
	}
	return own
}
