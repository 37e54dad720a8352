package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"honnin/config/site"
	"honnin/daemon/provision"
	"honnin/drivers/serial"
	"honnin/drivers/serial/zmodem"
)

// A policy over the serial line: one file, to which a terminal gives the same answer as to a stick.

const lineHelp = "\n\nWith --line, it waits for one file on a serial line, a pack (honnind policy pack), sent with ZMODEM: in minicom with\n" +
	"Ctrl-A S, in picocom -b 115200 with Ctrl-A Ctrl-S, from a shell with stty -F /dev/ttyUSB0 115200 raw -echo and then\n" +
	"sz PACK </dev/ttyUSB0 >/dev/ttyUSB0. The answer goes to the line, too. A line that is cut, or a sender who stops, leaves\n" +
	"nothing behind. --line site takes the line of site.toml. It wants root, as --device does: so rz runs as nobody."

// How long a line may take.
const (
	lineStall  = time.Minute     // in the middle of a file
	lineWhole  = 2 * time.Hour   // for everything; the largest pack takes 70 minutes at 9600 baud
	lineResult = 2 * time.Minute // until rz has taken the result file
	lineWords  = 10 * time.Second
)

func (f *fieldFlags) lineWords(c *cobra.Command) {
	c.Flags().StringVar(&f.line, "line", "", "the serial line on which a pack is sent, such as /dev/ttyS0, instead of a directory")
	c.Flags().IntVar(&f.baud, "baud", 0, fmt.Sprintf("with --line: its rate, one of %v (default 115200, or site.toml's)", serial.Bauds()))
	c.Flags().DurationVar(&f.wait, "wait", 5*time.Minute, "with --line: until the sender has begun")
}

func policyPackCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "pack STICK -o FILE",
		Short: "make one file of what a stick brings, for a serial line",
		Long: "pack writes the policies in STICK (a directory, or a policy.toml), with their signatures, into one tar archive, as check\n" +
			"and receive take it from a serial line or as a file. It judges nothing: the terminal does.",
		Args: oneArgument("a stick"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usage("pack needs -o FILE")
			}
			bundles, _, err := provision.Read(args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			pack, err := provision.Pack(bundles)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := writeNew(out, pack); err != nil {
				return err
			}
			say(c.OutOrStdout(), "%s: policies: %d", out, len(bundles))
			return nil
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "the file; it must not be there yet")
	return c
}

// lineOptions say which line is meant.
func (f *fieldFlags) lineOptions(s site.Site) (serial.Options, error) {
	o := serial.Options{Device: f.line, Baud: 115200}
	if f.line == "site" {
		if s.Line.Device == "" {
			return o, usage("site.toml has no line")
		}
		o = serial.Options{Device: s.Line.Device, Baud: s.Line.Baud}
	}
	if f.baud != 0 {
		o.Baud = f.baud
	}
	return o, nil
}

// overLine waits for a pack on a line, and answers there, too.
func (f *fieldFlags) overLine(ctx context.Context, s site.Site, out io.Writer, do doing) error {
	o, err := f.lineOptions(s)
	if err != nil {
		return err
	}
	if err := apart(s); err != nil {
		return err
	}
	line, err := serial.Open(o)
	if errors.Is(err, serial.ErrBaud) {
		return &exitError{exitUsage, err}
	}
	if err != nil {
		return err
	}
	defer func() { _ = line.Close() }()
	ctx, cancel := context.WithTimeout(ctx, lineWhole)
	defer cancel()
	both := io.MultiWriter(out, &told{ctx: ctx, line: line})
	say(both, "端末 %s: ポリシーを送信してください。 Terminal %s: send the policy (sz).", s.Terminal, s.Terminal)
	file, err := zmodem.Receive(ctx, line, zmodem.Limits{Bytes: provision.MaxPack, Start: f.wait, Stall: lineStall})
	if err != nil {
		say(both, "受信なし: 何も取り込んでいません。 Nothing came, and nothing was taken in: %v", err)
		return &exitError{code: exitRefused}
	}
	both = io.MultiWriter(out, &told{ctx: ctx, line: line}) // somebody is there now
	bundles, unread := provision.ReadPack(file.Content)
	err = f.came(s, bundles, unread, both, do, func() {}, func(s site.Site, sealed []byte) error {
		if !f.back {
			return f.write(s, sealed)
		}
		return sendBack(ctx, line, s, sealed)
	})
	drained, stop := context.WithTimeout(ctx, lineWords)
	defer stop()
	_ = line.Drain(drained) // what came of it does not depend on whether the far end hears of it
	return err
}

// apart refuses a line to who would run rz and sz, old C that reads what strangers send, as a user who can read the terminal's keys.
func apart(s site.Site) error {
	if os.Geteuid() == 0 || unix.Access(s.Keys, unix.R_OK) != nil {
		return nil
	}
	return usage("--line wants root: then rz and sz run as nobody, and cannot read the terminal's keys")
}

func sendBack(ctx context.Context, line *serial.Line, s site.Site, sealed []byte) error {
	ctx, cancel := context.WithTimeout(ctx, lineResult)
	defer cancel()
	if err := zmodem.Send(ctx, line, zmodem.File{Name: provision.ResultName(s.Terminal), Content: sealed}, lineResult, ""); err != nil {
		return fmt.Errorf("the result file was not sent back: %w", err)
	}
	return nil
}

// told writes words to a line, for whoever is there, and never fails: what is done does not wait for it. A line that did not take
// something in time gets no more.
type told struct {
	ctx  context.Context
	mute bool
	line interface {
		WriteContext(ctx context.Context, p []byte) (int, error)
	}
}

func (t *told) Write(p []byte) (int, error) {
	if t.mute {
		return len(p), nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, lineWords)
	defer cancel()
	_, err := t.line.WriteContext(ctx, bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")))
	t.mute = err != nil
	return len(p), nil
}
