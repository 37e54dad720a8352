package usb_test

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"honnin/testdata/usb/qemu"
)

// dial is the technician's end of the second UART. Who leaves is not seen by the machine: a cable has three wires.
func (r repair) dial(t *testing.T) *cable {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(limit(t), "unix", r.line)
	must(t, err)
	return newCable(t, conn, r.key)
}

// uart: a 16550.
func (r repair) uart(t *testing.T) {
	m, c := machine(t), r.dial(t)
	must(t, m.Trace(limit(t), "serial_update_parameters", true))
	for _, baud := range []string{"9600", "115200"} {
		_, stop := r.serve(t, "/dev/ttyS1", "--speed", baud)
		c.until("honnin console", "honnin> ")
		log, err := m.Log()
		must(t, err)
		if set := strings.TrimSpace(log[strings.LastIndex(strings.TrimSpace(log), "\n")+1:]); !strings.HasSuffix(set, "baudrate="+baud+" parity='N' data=8 stop=1") {
			t.Errorf("at %s baud the UART was set to %q", baud, set)
		}
		if d := c.says("status", "status.terminal"); d["state"] != "down" {
			t.Error(d)
		}
		c.login()
		if d := c.says("doctor", "doctor.verdict"); d["verdict"] != "act" {
			t.Error(d)
		}
		c.send("logout\r")
		c.until("Signed out", "honnin> ")
		stop()
	}
	must(t, m.Trace(limit(t), "serial_update_parameters", false))
	pid, stop := r.serve(t, "/dev/ttyS1")
	c.until("honnin console", "honnin> ")
	idles(t, "waiting on the line", pid)
	c.login()
	idles(t, "signed in", pid)
	r.second(t)
	r.breaks(t, c)
	c = r.left(t, c)
	r.noise(t, c, pid)
	stop()
	r.killed(t, c)
	r.takesNothing(t, c)
}

// second: nobody else gets the line, root neither.
func (r repair) second(t *testing.T) {
	got, err := machine(t).Run(limit(t), qemu.Command{Args: []string{"/bin/honnind", "console", "--config", etc, "--line", "/dev/ttyS1"}})
	if err != nil || got.Code == 0 || !strings.Contains(got.Err, "another program has the line") {
		t.Errorf("%v %+v", err, got)
	}
}

// breaks: a break signs out, also in the middle of a command, and is nothing to who has not signed in.
func (r repair) breaks(t *testing.T, c *cable) {
	m := machine(t)
	for _, before := range []string{"", "sta", "doctor --json\r"} {
		if before == "" {
			c.send("\r")
		} else {
			c.login()
			c.send(before)
		}
		c.until(strings.TrimSuffix(before, "\r"), "")
		must(t, m.Break(limit(t), qemu.UART))
		c.until("Signed out by a break", "honnin> ")
		leftWith(t, "break")
		c.nobody()
	}
	must(t, m.Break(limit(t), qemu.UART))
	c.until("\r\n", "honnin> ")
	c.nobody()
}

// left: the cable is pulled out at the technician's end. It has three wires, so that is silence; who plugs in then ends it.
func (r repair) left(t *testing.T, c *cable) *cable {
	c.login()
	must(t, c.conn.Close())
	<-c.over
	c = r.dial(t)
	must(t, machine(t).Break(limit(t), qemu.UART))
	c.until("Signed out by a break", "honnin> ")
	c.nobody()
	return c
}

// noise: a flood as fast as the line takes it. Who was signed in is not any more; memory stays flat.
func (r repair) noise(t *testing.T, c *cable, pid int) {
	c.login()
	before, began := look(t, pid), time.Now()
	must(t, c.conn.SetWriteDeadline(time.Now().Add(patience)))
	noise, sent := bytes.Repeat([]byte{0xFF, 0x80, 0xC1, 0x00, 0xFE, 'x', '\r', 0x1B}, 1<<10), 0
	for most := before.resident; sent < 256<<10; {
		for range 8 {
			_, err := c.conn.Write(noise)
			must(t, err)
			sent += len(noise)
		}
		if most = max(most, look(t, pid).resident); most > before.resident+8<<10 {
			t.Fatalf("%d KiB before the flood, %d in it", before.resident, most)
		}
	}
	t.Logf("noise: %d KiB in %.1f s, %d KiB resident before it, %d after it", sent>>10, time.Since(began).Seconds(), before.resident, look(t, pid).resident)
	leftWith(t, "break")
	c.until("! ", "honnin> ")
	c.nobody()
}

// killed: a console that dies leaves a line and a seat that the next one has at once.
func (r repair) killed(t *testing.T, c *cable) {
	m := machine(t)
	pid, _ := r.serve(t, "/dev/ttyS1")
	c.until("honnin console", "honnin> ")
	c.login()
	got, err := m.Run(limit(t), qemu.Command{Args: []string{"/bin/kill", "-9", strconv.Itoa(pid)}})
	if err != nil || got.Code != 0 {
		t.Fatal(err, got)
	}
	_, err = m.Stop(limit(t), "console") // it is gone
	must(t, err)
	_, stop := r.serve(t, "/dev/ttyS1")
	c.until("honnin console", "honnin> ")
	c.nobody()
	c.login()
	c.says("status", "status.terminal")
	stop()
}

// takesNothing: a console whose output nobody takes ends when it is told to. A kernel lets a UART's last owner wait for what is not
// sent, 30 s by default (closing_wait), unless that is thrown away.
func (r repair) takesNothing(t *testing.T, c *cable) {
	must(t, c.conn.Close())
	<-c.over
	ctx := limit(t)
	var d net.Dialer
	deaf, err := d.DialContext(ctx, "unix", r.line)
	must(t, err)
	defer func() { _ = deaf.Close() }()
	// Only now: what it says to a line without a cable is lost.
	_, stop := r.serve(t, "/dev/ttyS1")
	for said, p := "", make([]byte, 64); !strings.Contains(said, "honnin> "); { // before that the line takes nothing in, either
		n, err := deaf.Read(p)
		must(t, err)
		said += string(p[:n])
	}
	before := transmitted(t)
	_, err = deaf.Write(bytes.Repeat([]byte("help --json\r"), 20)) // more than is kept anywhere on the way
	must(t, err)
	for last, now := -1, before; now < before+100 || now != last; last, now = now, transmitted(t) {
		must(t, ctx.Err())
		time.Sleep(500 * time.Millisecond)
	}
	began := uptime(t)
	stop()
	if took := uptime(t) - began; took > 15 {
		t.Errorf("it took %.1f s", took)
	}
}

// transmitted is how many bytes the second UART has sent.
func transmitted(t *testing.T) int {
	t.Helper()
	b, err := machine(t).Read(limit(t), "/proc/tty/driver/serial")
	must(t, err)
	_, second, _ := bytes.Cut(b, []byte("\n1: "))
	return number(t, second, "tx:")
}

// uptime is how long the machine has been up, in its own seconds: they are longer than ours where it is busy.
func uptime(t *testing.T) (s float64) {
	t.Helper()
	b, err := machine(t).Read(limit(t), "/proc/uptime")
	must(t, err)
	_, err = fmt.Sscan(string(b), &s)
	must(t, err)
	return s
}
