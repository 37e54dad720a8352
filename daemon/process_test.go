package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"honnin/daemon/technician"
)

// process is honnind run, as in the field.
type process struct {
	*exec.Cmd
	said noise // on its standard error
}

// runs starts the terminal, until it shows its screen and answers a console. What a run before left in its state directory lies there.
func (o technicians) runs(t *testing.T) *process {
	t.Helper()
	words := slices.Concat(o.before, []string{built(t), "run", "--config", o.dir})
	p := &process{Cmd: exec.CommandContext(t.Context(), words[0], words[1:]...)}
	p.Stderr = &p.said
	address := filepath.Join(o.dir, "state", "address")
	_ = os.Remove(address)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil { // the test is over before it is
			_ = p.Process.Signal(syscall.SIGKILL)
			_ = p.Wait()
		}
		if t.Failed() {
			t.Log(string(p.said.Bytes()))
		}
	})
	awaitAddress(t, address)
	awaitTrue(t, "the daemon to answer consoles", func() bool {
		c, err := net.Dial("unix", filepath.Join(o.dir, "state", technician.Socket))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return p
}

// ends asks it to leave, as systemd does, which it does well.
func (p *process) ends(t *testing.T) {
	t.Helper()
	_ = p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}
