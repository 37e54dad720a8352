package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"honnin/config/policy"
	"honnin/config/protocol"
	"honnin/config/site"
	"honnin/daemon/provision"
	"honnin/daemon/technician"
	"honnin/daemon/terminal"
	"honnin/drivers/printer/file"
	"honnin/spool"

	"github.com/sirupsen/logrus"
)

// technicianID is the practice world's technician, and the name of the SSH key in the directory of the keys.
const technicianID = "practice-technician"

// Files beside a practice terminal's journal, for its console.
const (
	practiceURL   = "centre"     // where the centre is
	practiceRoots = "centre.pem" // who issued its certificate
)

// hireTechnician is the practice policy's entry for a technician whose key is in dir; ssh-keygen makes it once. Where there is no
// ssh-keygen nobody could sign in with it either, and the entry is "".
func hireTechnician(dir string) (entry string, err error) {
	file := filepath.Join(dir, technicianID)
	pub, err := os.ReadFile(file + ".pub")
	if errors.Is(err, fs.ErrNotExist) {
		if _, missing := exec.LookPath("ssh-keygen"); missing != nil {
			return "", nil
		}
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file).CombinedOutput(); err != nil {
			return "", fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
		pub, err = os.ReadFile(file + ".pub")
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("[[person]]\nid = %q\nroles = [\"look\", \"service\"]\nkey = %q\nexpires = \"2999-12-31\"\n", technicianID, strings.TrimSpace(string(pub))), nil
}

// text is the policy as the office is to sign it next.
func (s *stage) text() string { return s.world.Policy() + s.technician }

// consoleAt has a practice terminal answer its technician's console until ctx ends, and leaves beside its journal what that has to know;
// answered is as of [technician.Listen].
func (s *stage) consoleAt(ctx context.Context, p *place, t *terminal.Terminal) (answered func(), err error) {
	access, err := s.world.Access(p.name)
	if err != nil {
		return nil, err
	}
	home := filepath.Dir(p.file)
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.world.TerminalAnchor().Raw})
	for name, b := range map[string][]byte{practiceURL: []byte(access.URL + "\n"), practiceRoots: roots, provision.RootFile: s.office.rootText} {
		if err := os.WriteFile(filepath.Join(home, name), b, 0o600); err != nil {
			return nil, err
		}
	}
	return technician.Listen(ctx, home, technician.Daemon{Terminal: t, Journal: p.journal, Printer: technician.PrinterOf(p.printer), Log: s.book, Software: software(), Site: practiceSiteOf(s.flags.state, p.name, p.channel, access.URL), Now: s.clock.Now})
}

// practiceSite is the kiosk that keeps its state in dir, as its console needs it: the one that was started last.
func practiceSite(dir string) (s site.Site, err error) {
	var last time.Time
	for _, c := range []protocol.Channel{protocol.Store, protocol.Counter} {
		path := filepath.Join(dir, "terminals", string(placeName(0, c)), practiceURL)
		is, err := os.Stat(path)
		if err != nil || is.ModTime().Before(last) {
			continue
		}
		if url, err := readBounded(path, 1<<10); err == nil {
			s, last = practiceSiteOf(dir, placeName(0, c), c, strings.TrimSpace(string(url))), is.ModTime()
		}
	}
	if s.Terminal == "" {
		return s, fmt.Errorf("%s: no practice terminal with a screen was started here (make run)", dir)
	}
	return s, nil
}

func practiceSiteOf(dir string, t protocol.Terminal, c protocol.Channel, url string) site.Site {
	home := filepath.Join(dir, "terminals", string(t))
	return site.Site{Terminal: t, Channel: c, Reader: "virtual", State: home, Policy: filepath.Join(home, "policies"), Keys: filepath.Join(home, "keys"),
		Printer: site.Printer{Address: "dir:" + filepath.Join(dir, "sheets")}, Centre: site.Centre{URL: url, CA: filepath.Join(home, practiceRoots)}}
}

// practicePolicies are those that a practice terminal was provided with.
func practicePolicies(s site.Site) (*provision.Store, error) {
	root, err := provision.LoadRoot(s.State, os.Getuid())
	if err != nil {
		return nil, err
	}
	return provision.Open(provision.Options{Dir: s.Policy, Root: root, Terminal: s.Terminal, Now: time.Now, Practice: true})
}

// practiceMachine is a kiosk's, for its console. It restarts no machine: that is somebody's.
func practiceMachine(dir string, log logrus.FieldLogger) (site.Site, *technician.Machine, error) {
	s, err := practiceSite(dir)
	if err != nil {
		return s, nil, &exitError{exitUsage, err}
	}
	o, err := partsOf(dir, s, log)
	o.Policies = once(func() (*provision.Store, error) { return practicePolicies(s) })
	o.Printer = func(*policy.Policy) (spool.Printer, error) {
		return file.New(filepath.Join(dir, "sheets"), file.Options{})
	}
	o.Read = func() (site.Site, error) { return practiceSite(dir) }
	o.Restart, o.Practice = technician.Restart{}, true
	return s, technician.New(o), err
}

// practiceOffers are the commands of a practice terminal: its machine is somebody's, and all of its visits are practice.
func practiceOffers(name string) bool {
	return technician.Does(name) && name != "reboot" && name != "visit"
}
