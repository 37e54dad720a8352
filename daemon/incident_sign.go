package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"honnin/config/protocol"
	"honnin/config/trust"
	"honnin/config/trust/sign"
	"honnin/daemon/practice"
)

// moveFlags are the words of "honnind incident ack" and "close".
type moveFlags struct {
	signingKey
	cause, out, centre string
	closes             bool
}

func incidentSignCommand(closes bool) *cobra.Command {
	f := moveFlags{closes: closes}
	c := &cobra.Command{
		Use:   "ack ID --key KEY --certificate CERT [--out DIR | --centre ADDRESS]",
		Short: "take an incident on, with your own key",
		Args:  oneArgument("an incident's id"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c.Context(), args[0], time.Now(), c.OutOrStdout())
		},
	}
	if closes {
		c.Use = "close ID --key KEY --certificate CERT --cause TEXT [--out DIR | --centre ADDRESS]"
		c.Short = "close an incident with its cause, with your own key"
		c.Flags().StringVar(&f.cause, "cause", "", "what caused it, in one sentence without anybody's name: at most 256 bytes")
	}
	c.Long = c.Short + ".\nIt writes a signed file, which whoever runs the centre takes there; the terminal believes it if its policy lists the key\n" +
		"for this (person, roles acknowledge and close). In practice the centre finds it in the directory incidents of --state,\n" +
		"or it is taken there at once (--centre), and names the event that this centre has. The keys of the practice world's persons\n" +
		"are in keys: " + practice.TakerID + " and " + practice.CloserID + ", .key and .pem."
	f.flags(c)
	c.Flags().StringVar(&f.out, "out", ".", "directory for the signed file")
	c.Flags().StringVar(&f.centre, "centre", "", centreUsage)
	c.MarkFlagsMutuallyExclusive("out", "centre")
	return c
}

func (f moveFlags) run(ctx context.Context, name string, now time.Time, out io.Writer) error {
	id, err := protocol.ParseIncidentID(name)
	if err != nil {
		return usage("an incident is called as in honnind incident list")
	}
	terminal, _, err := id.Place()
	if err != nil {
		return usage("an incident is called as in honnind incident list: terminal, position and hash")
	}
	s := protocol.IncidentState{Format: protocol.StateFormat, Incident: id, Source: protocol.SourcePrefix + string(terminal),
		State: protocol.IncidentAcknowledged, Cause: f.cause, At: protocol.At(now)}
	if f.closes {
		s.State = protocol.IncidentClosed
	}
	if f.centre != "" {
		return f.there(ctx, s, now, out)
	}
	der, err := f.sign(s, now)
	if err != nil {
		return err
	}
	path := filepath.Join(f.out, practice.StateFile(id, s.State))
	if err := writeNew(path, der); err != nil {
		return err
	}
	say(out, "%s: %s of %s, signed", path, s.State, terminal)
	return nil
}

// there says what the centre tells of the incident, signs that, and takes it to the centre.
func (f moveFlags) there(ctx context.Context, s protocol.IncidentState, now time.Time, out io.Writer) error {
	p, err := operatorsPageAt(f.centre)
	if err != nil {
		return err
	}
	n, err := p.find(ctx, s.Incident, protocol.Terminal(strings.TrimPrefix(s.Source, protocol.SourcePrefix)))
	if err != nil {
		return err
	}
	say(out, "%s", n.line())
	s.Event = n.event
	der, err := f.sign(s, now)
	if err != nil {
		return err
	}
	if err := p.bring(ctx, der); err != nil {
		return err
	}
	say(out, "%s: %s, at the centre; the terminal judges it once more", s.Incident, s.State)
	return nil
}

func (f moveFlags) sign(s protocol.IncidentState, now time.Time) ([]byte, error) {
	text, err := protocol.EncodeBody(s)
	if err != nil {
		return nil, err
	}
	if _, err := protocol.ParseIncidentState(text); err != nil {
		return nil, usage("--cause: one sentence, 1 to 256 bytes")
	}
	cert, key, err := f.read()
	if err != nil {
		return nil, err
	}
	der, err := sign.Sign(text, sign.Options{Certificate: cert, Key: key, Time: now})
	if err != nil {
		return nil, err
	}
	_, _, _, err = trust.VerifyAttached(der)
	return der, err
}
