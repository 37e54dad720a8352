// Command honnind is the daemon inside a multi-copy machine that issues official certificates against a My Number
// card. It prints a document only when the signed package fits the card on the reader.
//
// This package is flags, wiring and shutdown; the work is in the packages below it: daemon/session is the visit,
// daemon/terminal plugs one terminal together, spool/document is the check.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"honnin/spool/document/inspect"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // a fault of this program or machine
	exitUsage   = 2
	exitRefused = 3 // "verify": the package must not be printed; "practice": a visit was not accounted for
)

// exitError carries an exit code out of a command; with an empty text everything was said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func main() {
	if inspect.IsChild() { // before anything else: a child inspects one document and ends
		inspect.ChildMain()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string) int {
	root := command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitFailure
	var e *exitError
	if errors.As(err, &e) {
		code = e.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "honnind:", text)
	}
	return code
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "honnind",
		Short: "issue official certificates against a My Number card, or refuse",
		Long: "honnind prints a certificate only when the signed package fits the card on the reader.\n" +
			"本人のカードと証明書が一致しなければ、印刷しません。",
		SilenceUsage: true, SilenceErrors: true,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(practiceCommand(), runCommand(), staffCommand(), journalCommand(), incidentCommand(), verifyCommand(), packageCommand(), selftestCommand(), policyCommand(), configCommand(), keysCommand(), fleetCommand(), devicesCommand(), consoleCommand())
	return root
}

// noArguments refuses a word that is no command and no flag.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s: unknown command or argument %q", c.CommandPath(), args[0])
	}
	return nil
}
