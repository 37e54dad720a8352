package vpcd_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/virtual"
)

// deadline is for one program; it only ends what hangs.
const deadline = 60 * time.Second

func TestOpenSC(t *testing.T) {
	cardtest.Need(t, "opensc-tool", "pkcs15-tool", "pkcs11-tool", "openssl")
	w := cardtest.NewWorld(t)
	o, err := cardtest.NewHolder(cardtest.RSA2048, 1266)
	if err != nil {
		t.Fatal(err)
	}
	v, err := virtual.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Place(v); err != nil {
		t.Fatal(err)
	}
	s := &scene{w, o, module(t)}
	s.awaitCard(t)
	t.Run("lists the card", s.lists)
	t.Run("dumps the application", s.dumps)
	t.Run("reads the certificates", s.readsCertificates)
	t.Run("signs, and openssl agrees", s.signs)
	t.Run("does not sign without a PIN", s.signsNothing)
	t.Run("blocks the PIN", s.blocks)
}

type scene struct {
	world  *cardtest.World
	holder virtual.Options
	module string
}

func module(t *testing.T) string {
	found, err := filepath.Glob("/usr/lib/*/opensc-pkcs11.so")
	if err != nil || len(found) == 0 {
		found = []string{"/usr/lib/opensc-pkcs11.so"}
	}
	if _, err := os.Stat(found[0]); err != nil {
		cardtest.Need(t, found[0])
	}
	return found[0]
}

func (s *scene) run(t *testing.T, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	cmd := s.world.Command(ctx, name, args...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *scene) must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := s.run(t, name, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return out
}

// awaitCard asks until pcscd has seen the card: opensc-tool --wait misses a card that comes while it starts.
func (s *scene) awaitCard(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		if strings.Contains(s.must(t, "opensc-tool", "-l"), "Yes") {
			return
		}
	}
	t.Fatal("pcscd does not see the card")
}

func (s *scene) lists(t *testing.T) {
	out := s.must(t, "opensc-tool", "-l")
	if !strings.Contains(out, cardtest.Reader) || !strings.Contains(out, "Yes") {
		t.Errorf("no card listed:\n%s", out)
	}
	if name := s.must(t, "opensc-tool", "-n"); !strings.Contains(strings.ToLower(name), "jpki") {
		t.Errorf("recognised as %q", name)
	}
}

func (s *scene) dumps(t *testing.T) {
	out := s.must(t, "pkcs15-tool", "-D")
	for _, want := range []string{"User Authentication PIN", "Digital Signature PIN", "User Authentication Certificate CA",
		"User Authentication Key", "Tries left     : 3", "Tries left     : 5", "2048"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
}

func (s *scene) readsCertificates(t *testing.T) {
	for id, want := range map[string][]byte{"01": s.holder.AuthCert, "03": s.holder.AuthCA, "04": s.holder.SignCA} {
		if got := s.certificate(t, id); !bytes.Equal(got, want) {
			t.Errorf("certificate %s: %d bytes, want %d", id, len(got), len(want))
		}
	}
	got := s.must(t, "pkcs15-tool", "--read-certificate", "02", "--verify-pin", "--auth-id", "02", "--pin", cardtest.SignPIN)
	if !strings.Contains(got, "BEGIN CERTIFICATE") {
		t.Errorf("the signature certificate does not open with its PIN:\n%s", got)
	}
}

func (s *scene) certificate(t *testing.T, id string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(s.must(t, "pkcs15-tool", "--read-certificate", id)))
	if block == nil {
		t.Fatalf("certificate %s is not PEM", id)
	}
	return block.Bytes
}

func (s *scene) signs(t *testing.T) {
	dir := t.TempDir()
	in, out, key := filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "key.pem")
	write(t, in, []byte("signed by a virtual card"))
	s.must(t, "pkcs11-tool", "--module", s.module, "--login", "--pin", cardtest.PIN, "--sign", "--id", "01",
		"-m", "SHA256-RSA-PKCS", "-i", in, "-o", out)
	cert, err := x509.ParseCertificate(s.holder.AuthCert)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(cert.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	verdict, err := exec.CommandContext(t.Context(), "openssl", "dgst", "-sha256", "-verify", key, "-signature", out, in).CombinedOutput()
	if err != nil || !strings.Contains(string(verdict), "Verified OK") {
		t.Errorf("%v: %s", err, verdict)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) signsNothing(t *testing.T) {
	out := s.must(t, "opensc-tool", "-r", cardtest.Reader, "-s", "00A4040C0AD392F000260100000001", "-s", "00A4020C020017",
		"-s", "802A00800400000000"+"00")
	if !strings.Contains(out, "SW1=0x69, SW2=0x82") {
		t.Errorf("signed without a PIN:\n%s", out)
	}
}

func (s *scene) blocks(t *testing.T) {
	for _, left := range []string{"2", "1", "0"} {
		if out, err := s.run(t, "pkcs15-tool", "--verify-pin", "--auth-id", "01", "--pin", "9999"); err == nil {
			t.Fatalf("a wrong PIN passed, %s to be left:\n%s", left, out)
		}
	}
	if out := s.must(t, "pkcs15-tool", "-D"); !strings.Contains(out, "Tries left     : 0") {
		t.Errorf("not blocked:\n%s", out)
	}
	out, err := s.run(t, "pkcs15-tool", "--verify-pin", "--auth-id", "01", "--pin", cardtest.PIN)
	if err == nil || !strings.Contains(out, "Reference data not usable") { // OpenSC's words for 6984
		t.Errorf("the right PIN on a blocked card: %v\n%s", err, out)
	}
}
