package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"honnin/config/policy"
	"honnin/config/protocol"
)

func policyCommand() *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "write, sign, bring and apply policies",
		Args: noArguments, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(policyNewCommand(), policySignCommand(false), policySignCommand(true), policyDiffCommand(), policyRootCommand(), staffCodeCommand(),
		policyPackCommand(), policyCheckCommand(), policyReceiveCommand(), policyApplyCommand(), policyHistoryCommand())
	return c
}

// staffFlags are the words of "honnind policy staff-code".
type staffFlags struct {
	id, expires, municipality string
	terminals                 []string
	rounds                    int
}

func staffCodeCommand() *cobra.Command {
	var f staffFlags
	c := &cobra.Command{
		Use:   "staff-code --id N --expires DAY",
		Short: "make the policy's entry for a member of staff who confirms names at a counter",
		Long: "staff-code reads a personal code from standard input (6 to 12 digits, and nothing else but the end of the line)\n" +
			"and prints a [[staff]] table for policy.toml. The code does not stand in it, nor on a command line; but a code of\n" +
			"six digits is found by whoever has the table and some hours: keep the policy from others, or choose a longer one.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.run(c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&f.id, "id", "", "the number that is typed at the counter: 1 to 8 digits, never a name")
	c.Flags().StringVar(&f.expires, "expires", "", "the last day in Japan, such as 2027-03-31")
	c.Flags().StringVar(&f.municipality, "municipality", "", "only for certificates of this municipality (six digits)")
	c.Flags().StringSliceVar(&f.terminals, "terminal", nil, "only at this terminal; may be repeated")
	c.Flags().IntVar(&f.rounds, "rounds", policy.StaffRounds, "rounds of PBKDF2")
	return c
}

func (f staffFlags) run(in io.Reader, out, said io.Writer) error {
	code, err := readCode(in, said)
	if err != nil {
		return err
	}
	defer clear(code)
	v, err := policy.StaffCode(f.id, code, f.rounds)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	table, err := f.table(v)
	if err != nil {
		return err
	}
	_, err = out.Write(table)
	return err
}

// readCode reads one line of digits. At a keyboard it asks for them, and shows nothing of them.
func readCode(in io.Reader, said io.Writer) ([]byte, error) {
	read := io.ReadFull
	if f, ok := in.(*os.File); ok {
		seen, err := hide(int(f.Fd()))
		if err == nil {
			say(said, "The personal code, %d to %d digits; it is not shown. 個人コードを入力してください（画面には出ません）。", policy.MinStaffCode, policy.MaxStaffCode)
			defer seen()
			read = readLine
		}
	}
	b := make([]byte, policy.MaxStaffCode+3)
	n, err := read(in, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	code := bytes.TrimSuffix(bytes.TrimSuffix(b[:n], []byte("\n")), []byte("\r"))
	if !policy.ValidStaffCode(code) {
		clear(b)
		return nil, usage("standard input must be one code of %d to %d digits", policy.MinStaffCode, policy.MaxStaffCode)
	}
	return code, nil
}

// readLine is io.ReadFull up to the end of a line.
func readLine(in io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil && (n == 0 || b[n-1] != '\n') {
		var m int
		m, err = in.Read(b[n : n+1])
		n += m
	}
	return n, err
}

// hide stops a terminal from showing what is typed, until seen. What is no terminal is an error.
func hide(fd int) (seen func(), err error) {
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, unix.IoctlSetTermios(fd, unix.TCSETS, &quiet)
}

// table writes the entry, if a policy would take it.
func (f staffFlags) table(verifier string) ([]byte, error) {
	b := fmt.Appendf(nil, "[[staff]]\nid = %q\nroles = [%q]\ncode = %q\nexpires = %q\n", f.id, policy.Confirm, verifier, f.expires)
	if f.municipality != "" {
		if _, err := protocol.ParseMunicipality(f.municipality); err != nil {
			return nil, usage("--municipality wants six digits")
		}
		b = fmt.Appendf(b, "municipality = %q\n", f.municipality)
	}
	for i, t := range f.terminals {
		if _, err := protocol.ParseTerminal(t); err != nil {
			return nil, usage("--terminal %d: not a terminal's name", i+1)
		}
	}
	if len(f.terminals) > 0 {
		b = fmt.Appendf(b, "terminals = %s\n", quoted(f.terminals))
	}
	if !policy.ValidDay(f.expires) {
		return nil, usage("--expires wants a day such as 2027-03-31")
	}
	return b, nil
}

func quoted(all []string) string {
	var b bytes.Buffer
	for i, s := range all {
		b.WriteString(map[bool]string{true: "[", false: ", "}[i == 0])
		fmt.Fprintf(&b, "%q", s)
	}
	return b.String() + "]"
}
