package main

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/daemon/practice/scenario"
)

func scenarioNames() string {
	var names []string
	for _, s := range scenario.All() {
		names = append(names, string(s.ID))
	}
	return strings.Join(names, ", ")
}

// cast finds what --scenario and --channel name.
func (f *practiceFlags) cast() error {
	if f.channel == "" {
		f.channel = protocol.Store
	}
	if f.channel != protocol.Store && f.channel != protocol.Counter {
		return usage("--channel must be store or counter, not %q", f.channel)
	}
	if f.scenario == "" {
		return nil
	}
	if f.certificateGiven || f.stranger {
		return usage("--scenario says what goes wrong, and with which certificate: not with --certificate or --stranger")
	}
	if s, ok := scenario.Find(f.scenario); ok {
		f.played = []scenario.Scenario{s}
	} else if f.scenario == "all" && f.scripted() {
		f.played = scenario.All()
	} else if f.scenario == "all" {
		return usage("--scenario all needs --visits or --for")
	} else {
		return usage("--scenario must be one of %s, all or list, not %q", scenarioNames(), f.scenario)
	}
	f.played = slices.DeleteFunc(f.played, func(s scenario.Scenario) bool { return f.channelGiven && !slices.Contains(s.Channels, f.channel) })
	if len(f.played) == 0 {
		return usage("--channel: %s does not show there", f.scenario)
	}
	if len(f.played) > 1 && !f.channelGiven && (onUSB(f.reader) || onUSB(f.printer)) {
		return usage("--scenario %s needs --channel: what is on USB serves one terminal only", f.scenario)
	}
	if !f.channelGiven {
		f.channel = f.played[0].Channels[0]
	}
	return nil
}

func onUSB(device string) bool { return device == "usb" || strings.HasPrefix(device, "usb:") }

// listed is one scenario as "--scenario list --json" prints it.
type listed struct {
	ID           scenario.ID           `json:"id"`
	Where        protocol.Names        `json:"where"`
	When         protocol.Names        `json:"when"`
	Cause        protocol.Names        `json:"cause"`
	Built        protocol.Names        `json:"built"`
	Municipality protocol.Municipality `json:"municipality"`
	Certificate  protocol.Certificate  `json:"certificate"`
	Channels     []protocol.Channel    `json:"channels"`
	Refused      []reason.Code         `json:"refused"`
	Unpatched    bool                  `json:"unpatched"`
}

// listScenarios tells what there is to play.
func listScenarios(out io.Writer, asJSON bool) error {
	for _, s := range scenario.All() {
		if asJSON {
			l := listed{s.ID, protocol.Names(s.Where), protocol.Names(s.When), protocol.Names(s.Cause), protocol.Names(s.Built), s.Municipality, s.Certificate, s.Channels, s.Refused, s.Unpatched}
			if err := json.NewEncoder(out).Encode(l); err != nil {
				return err
			}
			continue
		}
		say(out, "%s", s.ID)
		say(out, "    %s、%s  %s, %s", s.Where.Ja, s.When.Ja, s.Where.En, s.When.En)
		say(out, "    原因  %s", s.Cause.Ja)
		say(out, "    cause %s", s.Cause.En)
		say(out, "    拒否理由 refused: %s", reasonsOf(s))
	}
	return nil
}

// reasonsOf are the reasons that may refuse a scenario's paper.
func reasonsOf(s scenario.Scenario) string {
	var codes []string
	for _, c := range s.Refused {
		codes = append(codes, string(c))
	}
	if s.Unpatched {
		codes = append(codes, string(reason.IssuerUnpatched))
	}
	return strings.Join(codes, ", ")
}
