package ipp

import (
	"strings"

	"honnin/drivers/printer"
)

// gravity grades a value of printer-state-reasons. In the order of harm: fine, not ready, cancel.
type gravity int

const (
	fine    gravity = iota // prints
	waits                  // no visit begins; a job under way may still end well
	cancels                // a job under way is cancelled
)

// alert stands for a keyword that this table does not know: a device's free text goes no further.
const alert = "printer-alert"

// stateReasons grades the keywords of RFC 8011 section 5.4.12 and the IANA registry, whatever their suffix. By
// the RFC a keyword without a suffix is an error, and -report and -warning keep no job from ending well; but
// devices write a bare media-low, and ippeveprinter makes every reason -report while idle and -warning while
// processing, a jam as well. So a known keyword counts by what it says, except that -error is always grave.
var stateReasons = map[string]gravity{
	"none": fine, "media-low": fine, "toner-low": fine, "marker-supply-low": fine, "developer-low": fine,
	"marker-waste-almost-full": fine, "output-area-almost-full": fine, "opc-near-eol": fine,
	"cleaner-life-almost-over": fine, "identify-printer-requested": fine, "power-up": fine, "wifi-not-configured": fine,

	"media-empty": waits, "toner-empty": waits, "marker-supply-empty": waits, "marker-supply-missing": waits,
	"developer-empty": waits, "opc-life-over": waits, "marker-waste-full": waits, "fuser-over-temp": waits,
	"fuser-under-temp": waits, "connecting-to-device": waits, "hold-new-jobs": waits, "testing": waits,
	"configuration-change": waits, "warming-up": waits, "resuming": waits, "spool-area-full": waits,
	"interpreter-resource-unavailable": waits, "resource-needed": waits,

	printer.MediaJam: cancels, printer.MediaNeeded: cancels, "cover-open": cancels, "door-open": cancels,
	"interlock-open": cancels, "input-tray-missing": cancels, "output-tray-missing": cancels,
	"output-area-full": cancels, "output-mailbox-full": cancels, "media-path-jam": cancels, "paused": cancels,
	"moving-to-paused": cancels, "stopping": cancels, "stopped-partly": cancels, "shutdown": cancels,
	"deactivated": cancels, "timed-out": cancels, "media-path-input-feed": cancels, "media-path-output-feed": cancels,
	"media-path-media-tray-missing": cancels, "input-media-tray-feed": cancels, "power-down": cancels,
}

// worst returns the gravest of a device's state reasons and a word for it. A device that gives none has not
// said that all is well: the attribute is required.
func worst(reasons []string) (word string, g gravity) {
	if len(reasons) == 0 {
		return alert, waits
	}
	for _, r := range reasons {
		if w, x := grade(r); x > g {
			word, g = w, x
		}
	}
	return word, g
}

// grade weighs one reason. A keyword that the table does not know counts by its suffix, as the RFC says.
func grade(reason string) (word string, g gravity) {
	base, severity := splitSeverity(reason)
	g, known := stateReasons[base]
	if !known {
		base, g = alert, waits
	}
	switch {
	case severity == "-error" && base != "none":
		g = cancels
	case !known && severity != "":
		g = fine
	}
	return base, g
}

func splitSeverity(reason string) (base, severity string) {
	for _, s := range []string{"-report", "-warning", "-error"} {
		if b, ok := strings.CutSuffix(reason, s); ok {
			return b, s
		}
	}
	return reason, ""
}
