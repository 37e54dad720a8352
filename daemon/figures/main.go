// Command figures measures what a terminal costs and prints it in one table, each figure with its unit and beside it
// the target, or a peer's figure on the same work. It is what "make bench" ends with. It asserts nothing: whatever
// the numbers, it exits 0, and 1 only where something could not be measured at all.
//
// Everything is measured on the real thing: packages drawn by the practice world's own issuer (sample.go), the
// terminal's whole check (check.go) and its steps (steps.go), a visit of the real session with a card and a printer (visit.go, cards.go,
// paper.go), and the built honnind as a process (process.go). Figures are medians over several runs, with the lowest
// and the highest beside them: on a busy machine the lowest says more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"honnin/spool/document/inspect"
)

// options are the words of the command line.
type options struct {
	honnind string // the built binary
	runs    int    // of what takes long: visits, starts, peers' processes
	checks  int    // of what takes milliseconds
}

// section is one part of the table.
type section struct {
	title   string
	measure func(context.Context, options) ([]row, error)
}

var sections = []section{
	{"The check, step by step", checkFigures},
	{"Card: commands of one visit, certificate of 1,266 bytes", cardFigures},
	{"From the last key press to the first byte at the printer", paperFigures},
	{"honnind practice as a process", processFigures},
}

func main() {
	if inspect.IsChild() { // the check's child is this same binary
		inspect.ChildMain()
		return
	}
	var o options
	flag.StringVar(&o.honnind, "honnind", "./honnind", "the built `binary`")
	flag.IntVar(&o.runs, "runs", 15, "runs of what takes long")
	flag.IntVar(&o.checks, "checks", 200, "runs of what takes milliseconds")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
	defer stop()
	fmt.Printf("Figures of this machine: %s\n", machine())
	for _, s := range sections {
		rows, failed := s.measure(ctx, o)
		if failed != nil {
			failed = fmt.Errorf("%s: %w", s.title, failed)
		}
		err = errors.Join(err, failed, print(os.Stdout, s.title, rows))
	}
	return err
}
