package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"honnin/drivers/attached"
)

// usbRules lets a group use readers and printers.
//
//go:embed 70-honnin-usb.rules
var usbRules string

// bus is what the command asks: this machine's, or a test's.
type bus struct {
	list  func(context.Context) ([]attached.Device, error)
	watch func(context.Context, func())
}

func systemBus() bus {
	b := attached.System()
	return bus{
		list:  func(ctx context.Context) ([]attached.Device, error) { return attached.List(ctx, b) },
		watch: func(ctx context.Context, changed func()) { attached.Watch(ctx, b, changed) },
	}
}

type devicesFlags struct{ watch, json, rules bool }

func devicesCommand() *cobra.Command {
	var f devicesFlags
	c := &cobra.Command{
		Use:   "devices [--watch] [--json] | --rules",
		Short: "say which readers and printers are on USB, and what is in the way",
		Long: "devices lists the readers and printers on this machine's USB: what they can do, what is in the way of using them, and\n" +
			"what to do about it. A printer that nobody uses is asked for its languages; nothing else is touched.\n" +
			"USB に接続されたカードリーダーとプリンターを表示します。",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return devices(c.Context(), c.OutOrStdout(), systemBus(), f) },
	}
	c.Flags().BoolVar(&f.watch, "watch", false, "go on, and list them again when something is plugged or pulled")
	c.Flags().BoolVar(&f.json, "json", false, "a JSON array, on one line")
	c.Flags().BoolVar(&f.rules, "rules", false, "print the udev rules that let a group use them")
	return c
}

func devices(ctx context.Context, out io.Writer, b bus, f devicesFlags) error {
	if f.rules {
		_, err := io.WriteString(out, usbRules)
		return err
	}
	if !f.watch {
		text, err := devicesText(ctx, b, f.json)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	}
	return watchDevices(ctx, out, b, f.json)
}

// watchDevices prints what is different from what it printed last. Changes come one after another.
func watchDevices(ctx context.Context, out io.Writer, b bus, asJSON bool) (failed error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var last []byte
	b.watch(ctx, func() {
		text, err := devicesText(ctx, b, asJSON)
		if err == nil && !bytes.Equal(text, last) {
			last = text
			_, err = out.Write(text)
		}
		if err != nil && ctx.Err() == nil {
			failed = err
			stop()
		}
	})
	return failed
}

func devicesText(ctx context.Context, b bus, asJSON bool) ([]byte, error) {
	all, err := b.list(ctx)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if asJSON {
		if all == nil {
			all = []attached.Device{}
		}
		err := json.NewEncoder(&text).Encode(all)
		return text.Bytes(), err
	}
	if len(all) == 0 {
		text.WriteString("no reader and no printer on USB\n")
	}
	for _, d := range all {
		writeDevice(&text, d)
	}
	return text.Bytes(), nil
}

func writeDevice(w io.Writer, d attached.Device) {
	fmt.Fprintln(w, strings.TrimSpace(fmt.Sprintf("%-8s %s  %s %s", d.Port, d.ID, d.Maker, d.Name)))
	for _, r := range d.Readers {
		fmt.Fprintf(w, "         reader      %s\n", readerText(r))
	}
	for _, p := range d.Printers {
		fmt.Fprintf(w, "         printer     %s%s\n", strings.Join(p.Protocols, ", "), languagesText(p))
	}
	for _, o := range d.InTheWay {
		fmt.Fprintf(w, "         in the way  %s: %s\n", o.What, o.Do)
	}
}

func readerText(r attached.Reader) string {
	if r.Unusable != "" {
		return "cannot be used: " + r.Unusable
	}
	pad := "no PIN pad"
	if r.PINPad {
		pad = "PIN pad"
	}
	text := fmt.Sprintf("%s, %s, messages of %d bytes", r.Level, pad, r.Buffer)
	if r.Slots > 1 {
		text += fmt.Sprintf(", %d slots", r.Slots)
	}
	return text
}

func languagesText(p attached.Printer) string {
	if len(p.Languages) == 0 {
		return ""
	}
	return "; " + strings.Join(p.Languages, ", ")
}
