package printer

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

func TestParseSupply(t *testing.T) {
	const toner = "index=2;class=supplyThatIsConsumed;type=toner;unit=percent;maxcapacity=%s;level=%s;colorantname=black;"
	for value, want := range map[string]string{
		fmt.Sprintf(toner, "100", "75"):                                                  "toner-black 75 ok",
		fmt.Sprintf(toner, "9000", "1"):                                                  "toner-black 1 low",
		fmt.Sprintf(toner, "100", "10"):                                                  "toner-black 10 low",
		fmt.Sprintf(toner, "100", "0"):                                                   "toner-black 0 empty",
		fmt.Sprintf(toner, "100", "-3"):                                                  "toner-black - ok", // some is left
		fmt.Sprintf(toner, "100", "-2"):                                                  "toner-black - ",
		fmt.Sprintf(toner, "-2", "40"):                                                   "toner-black - ",
		fmt.Sprintf(toner, "0", "0"):                                                     "toner-black - ",
		fmt.Sprintf(toner, "10", "11"):                                                   "toner-black - ",
		fmt.Sprintf(toner, "99999999999999999999", "9"):                                  "toner-black - ",
		"type=wasteToner;maxcapacity=100;level=25;colorantname=unknown":                  "waste-toner 25 ok", // of the room
		"type=wasteToner;maxcapacity=100;level=5":                                        "waste-toner 5 almost-full",
		"type=wasteToner;maxcapacity=100;level=0":                                        "waste-toner 0 full",
		" type = inkCartridge ; level = 9 ; maxcapacity = 30 ; colorantname = lightCyan": "ink-cartridge-light-cyan 30 ok",
		"type=見本太郎;level=1;maxcapacity=2;colorantname=\x1b[2J":                           "other 50 ok",
	} {
		s, ok := ParseSupply(value)
		left := "-"
		if s.Left != nil {
			left = fmt.Sprint(*s.Left)
		}
		if got := s.Name + " " + left + " " + s.State; !ok || got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	for _, value := range []string{"", "toner", "level=3;maxcapacity=4", "type=toner;" + strings.Repeat("x", 1024)} {
		if s, ok := ParseSupply(value); ok {
			t.Errorf("%q: %+v", value, s)
		}
	}
}

func TestShown(t *testing.T) {
	for in, want := range map[string]string{"MFP 30 SN VNB3X12345": "MFP 30", "MFP 30 (S/N:VNB3X1)": "MFP 30", "MFP serial no. 7": "MFP", "VNB3X12345 DCP-L2550DW": "DCP-L2550DW", "Example SNR-30": "Example SNR-30",
		"FX ApeosPort 123456": "FX ApeosPort", "Brother HL-L6210DW 1234567890": "Brother HL-L6210DW", "MFP 30 SN12345": "MFP 30", "MFP 30 Ser.No. 12345678": "MFP 30", "MFP 30_SN:A1": "MFP 30", "MFP S/NA1 B2": "MFP",
		"MFP SerNo A1": "MFP", "MFP Ser A1": "MFP", "MFP S.N. A1": "MFP", "MFP SERIAL#A1": "MFP", "MFP A123456": "MFP", "MFP 123-456": "MFP", "HID Reader S/N AB1234567": "HID Reader", "SN12345": "",
		"Laser Series 5 Server 2019": "Laser Series 5 Server 2019", "Reader Services 12345": "Reader Services 12345", "Snow 3.0": "Snow 3.0",
		" Example Printer ": "Example Printer", "見本": "", "a\x1b[2Jb": "", strings.Repeat("x", 64): strings.Repeat("x", 64), strings.Repeat("x", 65): ""} {
		if got := Shown(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// FuzzSupply: whatever a printer says of a supply, what is kept are words of the lists and a percentage.
func FuzzSupply(f *testing.F) {
	f.Add("type=toner;maxcapacity=100;level=75;colorantname=black", "toner", "#000000", 3)
	f.Add("type=wasteToner;maxcapacity=2147483647;level=2147483647", "waste-toner", "none", -3)
	f.Add("type=\x1b]0;山田\x07;level=-", "KASUMI", "ＢＬＡＣＫ", math.MinInt)
	word := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	f.Fuzz(func(t *testing.T, value, kind, colour string, left int) {
		parsed, _ := ParseSupply(value)
		for _, s := range []Supply{parsed, NewSupply(kind, colour, left, true, left)} {
			if s == (Supply{}) {
				continue
			}
			if !word.MatchString(s.Name) || len(s.Name) > 40 || s.State != "" && !word.MatchString(s.State) || s.Left != nil && (*s.Left < 0 || *s.Left > 100) {
				t.Errorf("%q %q %q %d: %+v", value, kind, colour, left, s)
			}
		}
	})
}
