package usb_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// cable is the technician's end of a line, with whatever program has it there.
type cable struct {
	t    *testing.T
	conn net.Conn
	key  string // file of the technician's private key

	mu   sync.Mutex
	got  bytes.Buffer
	to   io.Writer // a program that has taken the line over; nil: none has
	over chan struct{}
}

func newCable(t *testing.T, conn net.Conn, key string) *cable {
	c := &cable{t: t, conn: conn, key: key, over: make(chan struct{})}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		defer close(c.over)
		p := make([]byte, 4096)
		for {
			n, err := conn.Read(p)
			c.take(p[:n])
			if err != nil {
				return
			}
		}
	}()
	return c
}

func (c *cable) take(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got.Write(p)
	if c.to != nil {
		_, _ = c.to.Write(p) // a program that has ended wants nothing
	}
}

func (c *cable) give(to io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
}

func (c *cable) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// until waits for a text and a prompt behind it, and returns all up to here; what comes then is new.
func (c *cable) until(text, prompt string) string {
	c.t.Helper()
	for ctx := limit(c.t); ; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		all := c.got.String()
		i := strings.Index(all, text)
		found := i >= 0 && strings.Contains(all[i:], prompt)
		if found {
			c.got.Reset()
		}
		c.mu.Unlock()
		if found {
			return all
		}
		if ctx.Err() != nil {
			c.t.Fatalf("no %q and %q in %q", text, prompt, all[max(0, len(all)-4000):])
		}
	}
}

// row is one object of an answer.
type row map[string]any

// rows are the objects in what was said; the last one is how it went.
func (c *cable) rows(said string) (out []row) {
	c.t.Helper()
	for l := bufio.NewScanner(strings.NewReader(said)); l.Scan(); {
		if r := (row{}); strings.HasPrefix(l.Text(), "{") {
			if err := json.Unmarshal(l.Bytes(), &r); err != nil {
				c.t.Fatalf("%v in %q", err, l.Text())
			}
			out = append(out, r)
		}
	}
	return out
}

// says sends a command and returns the row with a code, which its answer must have.
func (c *cable) says(line, code string) row {
	c.t.Helper()
	c.send(line + " --json\r")
	rows := c.rows(c.until(`"code":"done"`, "> "))
	i := slices.IndexFunc(rows, func(r row) bool { return r["code"] == code })
	if i < 0 || rows[len(rows)-1]["result"] != "ok" {
		c.t.Fatalf("%s: no %s in %v", line, code, rows)
	}
	return rows[i]
}

var challenge = regexp.MustCompile(`(honnin-console:\S+)\r\n(\S{43})\r\n`)

// login has ssh-keygen sign, as the technician does on the laptop.
func (c *cable) login() {
	c.t.Helper()
	c.send("login service\r")
	lines := challenge.FindStringSubmatch(c.until("Paste the signature", "\r\n"))
	if lines == nil {
		c.t.Fatal("no challenge")
	}
	sign := exec.Command("ssh-keygen", "-Y", "sign", "-q", "-n", "honnin-console", "-f", c.key)
	sign.Stdin = strings.NewReader(lines[1] + "\n" + lines[2] + "\n")
	out, err := sign.Output()
	must(c.t, err)
	c.send(strings.ReplaceAll(string(out), "\n", "\r"))
	c.until("tech-7", "service> ")
}

// nobody: whoever speaks now has not signed in.
func (c *cable) nobody() {
	c.t.Helper()
	if r := c.says("status", "status.terminal"); r["incidents"] != nil {
		c.t.Error("still signed in:", r)
	}
}

// transfer has a program take the technician's end over after a command was typed. After so many bytes to the terminal (0: never)
// the cable is cut instead: cut takes the device away.
func (c *cable) transfer(line string, after int, cut func(), program ...string) {
	c.t.Helper()
	p := exec.CommandContext(limit(c.t), program[0], program[1:]...)
	in, err := p.StdinPipe()
	must(c.t, err)
	out, err := p.StdoutPipe()
	must(c.t, err)
	c.send(line + "\r")
	c.give(in)
	must(c.t, p.Start())
	sent := copyUpTo(c.conn, out, after)
	if after > 0 && sent == after {
		cut()
		_ = p.Process.Kill()
		_ = p.Wait()
		return
	}
	c.give(nil)
	if err := p.Wait(); err != nil || after > 0 {
		c.t.Fatalf("%v: %v after %d bytes", program, err, sent)
	}
}

// copyUpTo copies, and stops after so many bytes (0: at the end).
func copyUpTo(to io.Writer, from io.Reader, most int) (n int) {
	for p := make([]byte, 1024); ; {
		part := len(p)
		if most > 0 {
			part = min(part, most-n)
		}
		got, err := from.Read(p[:part])
		if _, failed := to.Write(p[:got]); err != nil || failed != nil {
			return n
		}
		if n += got; n == most {
			return n
		}
	}
}
