package ipp

import (
	"honnin/drivers/printer"
	"honnin/spool"

	"github.com/OpenPrinting/goipp"
)

// a4 is the only paper (PWG 5101.1).
const a4 = "iso_a4_210x297mm"

// need says what follows where a printer does not support a value.
type need int

const (
	must    need = iota // the printer is not ready, or the document is refused
	offered             // must, where the printer has the attribute at all
	wish                // left out
)

// setting is one job template attribute: explicit, so that no default of a device or a site decides.
type setting struct {
	name  string
	tag   goipp.Tag
	value goipp.Value
	need  need
	word  string // why the printer is not ready
}

// fixed holds the settings that every document has. RFC 8011 section 5.2, PWG 5100.13 for print-scaling,
// PWG 5100.11 for job-retain-until.
var fixed = []setting{
	{"sides", goipp.TagKeyword, goipp.String("one-sided"), must, "sides-unsupported"},
	{"media", goipp.TagKeyword, goipp.String(a4), must, "media-unsupported"},
	{"job-sheets", goipp.TagKeyword, goipp.String("none"), offered, "job-sheets-unsupported"}, // a banner is a sheet too many
	{"job-hold-until", goipp.TagKeyword, goipp.String("no-hold"), offered, "job-hold-until-unsupported"},
	{"job-retain-until", goipp.TagKeyword, goipp.String("none"), offered, "job-retain-until-unsupported"}, // the device keeps no copy
	{"number-up", goipp.TagInteger, goipp.Integer(1), offered, "number-up-unsupported"},
	{"finishings", goipp.TagEnum, goipp.Integer(3), wish, ""},
	{"print-scaling", goipp.TagKeyword, goipp.String("none"), wish, ""},
	{"orientation-requested", goipp.TagEnum, goipp.Integer(7), wish, ""}, // none: as the pages are
}

// template returns the attributes of a job, or the word for the setting that the printer does not support.
func template(caps attributes, j spool.Job) (goipp.Attributes, string) {
	settings := append([]setting{{"copies", goipp.TagInteger, goipp.Integer(j.Copies), must, "copies-unsupported"}}, fixed...)
	if j.Copies == 1 {
		settings[0].need = wish
	} else {
		settings = append(settings, setting{"multiple-document-handling", goipp.TagKeyword,
			goipp.String("separate-documents-collated-copies"), wish, ""})
	}
	var out goipp.Attributes
	for _, s := range settings {
		send, word := s.fits(caps)
		if word != "" {
			return nil, word
		}
		if send {
			out.Add(goipp.MakeAttribute(s.name, s.tag, s.value))
		}
	}
	return out, ""
}

func (s setting) fits(caps attributes) (send bool, word string) {
	supported := s.name + "-supported"
	if caps.allows(supported, s.value) {
		return true, ""
	}
	if s.need == must || s.need == offered && caps.values(supported) != nil {
		return false, s.word
	}
	return false, ""
}

// describe adds what names and describes the job to a Validate-Job or Create-Job, and nothing of the person.
func describe(m *goipp.Message, name string, settings goipp.Attributes) {
	user(m)
	m.Operation.Add(goipp.MakeAttribute("job-name", goipp.TagName, goipp.String(name)))
	m.Operation.Add(goipp.MakeAttribute("ipp-attribute-fidelity", goipp.TagBoolean, goipp.Boolean(true)))
	if goipp.Op(m.Code) == goipp.OpValidateJob {
		m.Operation.Add(goipp.MakeAttribute("document-format", goipp.TagMimeType, goipp.String(pdf)))
	}
	m.Job = settings
}

// pdf is the only document format (RFC 8118).
const pdf = "application/pdf"

// notReady says why a document of one copy could not be printed as it must be.
func notReady(caps attributes) string {
	_, word := template(caps, spool.Job{Pages: 1, Copies: 1})
	return word
}

func fault(word string) error { return &printer.Fault{Reason: word} }
