//go:build slow

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var rowForm = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (.*?) \\|")

// mistakes are the causes of the page's table, each as a change to its commands.
var mistakes = map[string][2]string{
	"S/MIME or PEM instead of DER":                                           {"-outform DER -out \"$1\"; }", "-outform PEM -out \"$1\"; }"},
	"the document is not inside":                                             {" -nodetach", ""},
	"no signing-certificate-v2 attribute":                                    {" -cades", ""},
	"the signer's certificate has no document-signing usage":                 {"extendedKeyUsage=1.3.6.1.5.5.7.3.36", ""},
	"an intermediate CA is missing, or the policy names another anchor":      {`issuing_anchors = ["issuing-ca.pem"]`, `issuing_anchors = ["card-ca.pem"]`},
	"no organizationIdentifier in the subject, or without `GOVJP-`":          {"=GOVJP-991015", "=991015"},
	"`expires_at` is further from `issued_at` than the policy's cap":         {"10 minutes", "20 minutes"},
	"the file is linearized (\"fast web view\"), or was saved incrementally": {"--object-streams=disable", "--object-streams=disable --linearize"},
	"object streams, as most writers make them":                              {"--object-streams=disable", "--object-streams=generate"},
	"PDF 1.4 or 2.0": {"--object-streams=disable", "--object-streams=disable --force-version=1.4"},
	"links or other annotations, even an empty list of them": {`"/Parent": "2 0 R",`, `"/Parent": "2 0 R", "/Annots": [],`},
	"Letter paper": {"595.276, 841.89", "612, 792"},
	"one of the 14 standard fonts, not embedded":          {`"/Resources": {}`, `"/Resources": {"/Font": {"/F1": {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}}}`},
	"the attachment has another name":                     {"issuance.json --key=issuance.json --filename=issuance.json", "issuance.json --key=statement.json --filename=statement.json"},
	"a line end after the last brace":                     {"printf %s \"$(statement)\"", "statement"},
	"the tag is not in each page's own dictionary":        {" --update-from-json=tags.json", ""},
	"page numbers go on from the document before":         {"enumerate(pages, 1)", "enumerate(pages, 3)"},
	"a terminal, nonce or transaction of another request": {`"terminal":"$TERMINAL"`, `"terminal":"JP-99-000002"`},
	"the fingerprint is of the PEM text":                  {"-outform DER | openssl dgst", "-outform PEM | openssl dgst"},
	"other copies or options than were ordered":           {`"options":{},"copies":1,"pages"`, `"options":{},"copies":2,"pages"`},
}

// TestVendorMistakesAreTrue makes every mistake of the page's table, and is refused for the reason in its row.
func TestVendorMistakesAreTrue(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(vendorPage)
	if err != nil {
		t.Fatal(err)
	}
	commands, _ := steps(t, vendorPage)
	script := strings.Join(append(commands[:4:4], commands[5]), "")
	_, table, _ := strings.Cut(string(b), "| reason | cause | fix |")
	rows := rowForm.FindAllStringSubmatch(table, -1)
	if len(rows) != len(mistakes) {
		t.Errorf("%d rows, %d mistakes", len(rows), len(mistakes))
	}
	for _, row := range rows {
		code, cause := row[1], row[2]
		t.Run(cause, func(t *testing.T) {
			t.Parallel()
			change, ok := mistakes[cause]
			if !ok || !strings.Contains(script, change[0]) {
				t.Fatalf("no such mistake in the page's commands: %q", change[0])
			}
			said := strings.Join(follow(t, []string{strings.ReplaceAll(script, change[0], change[1])}), "")
			if !strings.Contains(said, `{"verdict":"refused","reason":"`+code+`",`) {
				t.Errorf("not refused for %s:\n%s", code, said)
			}
		})
	}
}
