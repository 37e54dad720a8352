package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/policy"
	"honnin/daemon/practice/script"
	"honnin/daemon/selftest"
	"honnin/daemon/terminal"
	"honnin/spool/document/inspect"
)

// selfTestLimit is that of the gate; see daemon/terminal.
const selfTestLimit = 20 * time.Second

func selftestCommand() *cobra.Command {
	var dir string
	var json bool
	c := &cobra.Command{
		Use:   "selftest [--config DIR] [--json]",
		Short: "give this machine's check packages of which the answer is known",
		Long: "selftest makes throw-away keys, packages that must be refused and one that must not, and gives them to the very\n" +
			"check, session and queue that a terminal prints with; nothing is printed, and no one is asked. A terminal does the\n" +
			"same before it opens. With --config it tests with that terminal's policy and disk, beside the terminal itself.\n" +
			"開店前の自己試験を手で行います。印刷はされません。",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return selfTest(c.Context(), c.OutOrStdout(), dir, json) },
	}
	c.Flags().StringVar(&dir, "config", "", "directory of site.toml; without it, a policy made for this test")
	c.Flags().BoolVar(&json, "json", false, "a JSON object for each case")
	return c
}

func selfTest(ctx context.Context, out io.Writer, dir string, json bool) (err error) {
	p, scratch, err := testable(dir)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	pool := inspect.NewPool(inspect.Options{})
	defer func() { err = errors.Join(err, pool.Close()) }()
	parts := terminal.Parts{Policy: p, Inspector: pool, Now: time.Now}
	ctx, stop := context.WithTimeout(ctx, selfTestLimit)
	defer stop()
	begin := time.Now()
	lines := selftest.Test(ctx, parts, scratch)
	for _, l := range lines {
		if err := selfTestLine(out, l, json); err != nil {
			return err
		}
	}
	if failed := selftest.Failed(lines); failed != "" {
		return &exitError{exitRefused, fmt.Errorf("the self-test failed: %s; a terminal would not open", failed)}
	}
	if !json {
		say(out, "%d cases, all right, in %d ms", len(lines), time.Since(begin).Milliseconds())
	}
	return nil
}

// testable is a configured terminal's policy and state directory, or a policy of nobody's and the usual place.
func testable(dir string) (*policy.Policy, string, error) {
	if dir == "" {
		p, err := selftest.Policy(time.Now())
		return p, os.TempDir(), err
	}
	s, p, err := loadConfig(dir)
	return p, s.State, err
}

func selfTestLine(out io.Writer, l selftest.Line, json bool) error {
	if json {
		return script.WriteJSON(out, l)
	}
	mark := "ok  "
	if !l.Right() {
		mark = "FAIL"
	}
	_, err := fmt.Fprintf(out, "%s  %-28s %5.1f ms  %s %s: expected %q, got %q\n", mark, l.ID, float64(l.Took.Microseconds())/1000, l.Ja, l.En, l.Expected, l.Got)
	return err
}
