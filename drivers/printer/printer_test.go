package printer

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"honnin/config/protocol"
	"honnin/spool"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Address{
		"dir:sheets":                        {Kind: Directory, Dir: "sheets"},
		"dir:/var/tmp//x/":                  {Kind: Directory, Dir: "/var/tmp/x"},
		"ipp://printer.local":               {IPP, "", "printer.local", 631, "/ipp/print", Selector{}},
		"ipp://printer.local/":              {IPP, "", "printer.local", 631, "/ipp/print", Selector{}},
		"ipps://192.0.2.7:8631/ipp/print/a": {IPPS, "", "192.0.2.7", 8631, "/ipp/print/a", Selector{}},
		"ipp://[::1]:1/p":                   {IPP, "", "::1", 1, "/p", Selector{}},
		"usb":                               {Kind: USB},
		"usb:03F0:0c17":                     {Kind: USB, USB: Selector{ID: "03f0:0c17"}},
		"usb:1-2.3":                         {Kind: USB, USB: Selector{Port: "1-2.3"}},
	} {
		got, err := Parse(in)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "dir:", "sheets", "http://h/ipp/print", "https://h/", "file:///tmp", "socket://h:9100", "lpd://h/q", "usb://x", "usb:", "usbip", "USB", "usb:Canon", "usb://a:secret@h/",
		"ipp:", "ipp://", "ipp:///ipp/print", "ipp:h", "ipp://h:0/p", "ipp://h:65536/p", "ipp://h:/p", "ipp://h:x/p",
		"ipp://user@h/p", "ipp://user:secret@h/p", "ipp://h/p?waitjob=false", "ipp://h/p?", "ipp://h/p#f",
		"ipp://h%20x/p", "ipp://[fe80::1%25eth0]/p", "dir:a\x00b", "IPP", " ipp://h/p",
	} {
		got, err := Parse(in)
		if !errors.Is(err, ErrAddress) || got != (Address{}) {
			t.Errorf("Parse(%q) = %+v, %v; want ErrAddress", in, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
}

func TestCanonicalFormIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fmt.Sprintf("%s://%s:%d/%s", rapid.SampledFrom([]string{"ipp", "ipps"}).Draw(t, "kind"),
			rapid.StringMatching(`[a-z][a-z0-9.-]{0,20}`).Draw(t, "host"), rapid.IntRange(1, 65535).Draw(t, "port"),
			rapid.StringMatching(`[a-z0-9/]{0,20}`).Draw(t, "path"))
		a, err := Parse(in)
		if err != nil {
			t.Fatal(in, err)
		}
		b, err := Parse(a.String())
		if err != nil || a != b {
			t.Fatalf("%q → %+v → %+v, %v", in, a, b, err)
		}
	})
}

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"ipp://h": "http://h:631/ipp/print", "ipps://[::1]:8/x": "https://[::1]:8/x", "dir:x": "", "usb": "", "usb:1-2": "",
	} {
		a, err := Parse(in)
		if err != nil || a.URL() != want {
			t.Errorf("%s: %q, %v; want %q", in, a.URL(), err, want)
		}
	}
	if (Address{}).URL() != "" {
		t.Error("a zero address leads somewhere")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"dir:x", "usb", "usb:1-2", "usb:03F0:0c17", "ipp://h:1/p", "ipps://[::1]", "ipp://u:p@h", "ipp://h/%2e%2e", "ipp://::1", "ipp://[fe80::1]:99/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			return
		}
		if b, err := Parse(a.String()); err != nil || a != b {
			t.Fatalf("%q: %+v is read back as %+v, %v", s, a, b, err)
		}
	})
}

func TestJobName(t *testing.T) {
	tx := protocol.Transaction{1, 2, 3}
	got, err := JobName(spool.Job{Transaction: tx, Pages: 2, Copies: 1})
	if err != nil || got != "01020300000000000000000000000000" {
		t.Errorf("%q, %v", got, err)
	}
	if other := (spool.Past{Transaction: tx}); PastName(other) != got || !IsJobName(got) {
		t.Errorf("%q of a former run", PastName(other))
	}
	for _, j := range []spool.Job{{}, {Pages: 1, Copies: 1}, {Transaction: tx, Copies: 1}, {Transaction: tx, Pages: 1}, {Service: true, Pages: 1, Copies: 1},
		{Service: true, Document: protocol.Digest{1}, Transaction: tx, Pages: 1, Copies: 1}, {Document: protocol.Digest{1}, Pages: 1, Copies: 1}} {
		if name, err := JobName(j); !errors.Is(err, spool.ErrUnreleased) || name != "" {
			t.Errorf("%+v is named %q, %v", j, name, err)
		}
	}
}

// TestServiceName: no service sheet's job can be taken for a certificate's, nor the other way round, and both are known for ours.
func TestServiceName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sum, tx := protocol.Digest(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest")), protocol.Transaction(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "transaction"))
		sum[0], tx[0] = sum[0]|1, tx[0]|1
		service, err := JobName(spool.Job{Service: true, Document: sum, Pages: 1, Copies: 1})
		certificate, err2 := JobName(spool.Job{Transaction: tx, Document: sum, Pages: 1, Copies: 1})
		if err != nil || err2 != nil || !strings.HasPrefix(service, "service-sheet-") || len(certificate) != 32 || strings.Contains(service, certificate) && tx != protocol.Transaction(sum[:16]) {
			t.Fatal(service, certificate, err, err2)
		}
		if PastName(spool.Past{Service: sum}) != service || PastName(spool.Past{Transaction: tx, Service: sum}) != certificate || !IsJobName(service) || !IsJobName(certificate) {
			t.Fatal(service, certificate)
		}
		if IsJobName("x"+service) || IsJobName(certificate+"0") || IsJobName("service-sheet-"+service) {
			t.Fatal("any name is ours")
		}
	})
}

func TestFault(t *testing.T) {
	err := fmt.Errorf("outer: %w", &Fault{MediaJam, io.EOF})
	if ReasonOf(err) != MediaJam || !errors.Is(err, io.EOF) || err.Error() != "outer: printer: media-jam: EOF" {
		t.Error(err)
	}
	if ReasonOf(io.EOF) != "" || (&Fault{Reason: Busy}).Error() != "printer: busy" {
		t.Error("a word out of nowhere")
	}
}
