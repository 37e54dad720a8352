package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/site"
	"honnin/daemon/session"
	"honnin/daemon/socket"
)

// Staff speak to a running terminal through a socket in its state directory, which only the daemon's own user and
// root can reach. One line goes in, "ready ID", one line comes back.
const staffSocket = "staff.sock"

// wordReady is the word of staff: tray and path are empty and all is well, visits may begin.
const wordReady = "ready"

// wordReopen was one; people still know it.
const wordReopen = "reopen"

// errReopen is what they hear.
var errReopen = errors.New("a service is stopped by an incident, and opens when who is named in the policy closes that: see honnind incident list")

var staffForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9-]{1,32}$`) })

// counter is what staff can say to a terminal.
type counter interface {
	StaffReady(ctx context.Context, staff string) error
	Warning() string // what they should hear whatever they say; "" is nothing
}

// listenStaff answers staff until ctx ends.
func listenStaff(ctx context.Context, state string, t counter) error {
	l, err := socket.Listen(ctx, state, staffSocket)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answerStaff(ctx, conn, t)
		}
	}()
	return nil
}

func answerStaff(ctx context.Context, conn net.Conn, t counter) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	line, err := bufio.NewReaderSize(conn, 128).ReadSlice('\n')
	if err != nil {
		return
	}
	answer := "ok"
	if warning := t.Warning(); warning != "" {
		answer += "; " + warning
	}
	if err := hear(ctx, strings.TrimSpace(string(line)), t); err != nil {
		answer = err.Error()
	}
	fmt.Fprintln(conn, answer)
}

func hear(ctx context.Context, line string, t counter) error {
	word, staff, _ := strings.Cut(line, " ")
	if !staffForm().MatchString(staff) {
		return errors.New("an id of 1 to 32 letters, digits and hyphens is wanted")
	}
	switch word {
	case wordReady:
		err := t.StaffReady(ctx, staff)
		if errors.Is(err, session.ErrNotStopped) {
			return errors.New("the terminal is in service: there is nothing to open")
		}
		return err
	case wordReopen:
		return errReopen
	}
	return fmt.Errorf("%q is not %s", word, wordReady)
}

func staffCommand() *cobra.Command {
	var dir, id string
	c := &cobra.Command{
		Use:   "staff --config DIR --as ID ready",
		Short: "tell a running terminal what staff have seen",
		Long: "staff ready says, in the name of ID, that tray and paper path are empty and all is well: a terminal that had\n" +
			"closed after a jam, a power loss or paper in doubt opens. It is journalled with ID (never a name). A municipality's\n" +
			"service that an incident stopped is opened by closing that: honnind incident list.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == wordReopen {
				return &exitError{exitUsage, errReopen}
			}
			if len(args) != 1 || args[0] != wordReady {
				return usage("staff takes one word: %s", wordReady)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if !staffForm().MatchString(id) {
				return usage("--as wants an id of 1 to 32 letters, digits and hyphens")
			}
			s, err := site.Load(dir)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return tell(s.State, args[0]+" "+id, c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&dir, "config", "", "directory of site.toml")
	c.Flags().StringVar(&id, "as", "", "who says so: an id, never a name")
	return c
}

// tell says one line to the terminal that runs on this state directory, and passes on what it warns of.
func tell(state, line string, said io.Writer) error {
	conn, err := net.Dial("unix", filepath.Join(state, staffSocket))
	if err != nil {
		return fmt.Errorf("no terminal runs on %s: %w", state, err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintln(conn, line)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the terminal did not answer: %w", err)
	}
	answer = strings.TrimSpace(answer)
	if warning, warned := strings.CutPrefix(answer, "ok; "); warned {
		say(said, "%s", warning)
	} else if answer != "ok" {
		return errors.New(answer)
	}
	return nil
}
