package signed

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"honnin/config/policy"
)

// Draft turns what an office edits into a text that can be signed: files that it names stand in it, and its version and
// previous are those that follow the policy before (nil: it is the first). A version other than 0 is taken instead, if it is
// higher than the one before: the centre may want more. The rest is left as it was written, comments too.
func Draft(text []byte, load func(name string) ([]byte, error), before *policy.Policy, beforeText []byte, version uint64) ([]byte, error) {
	next, previous := uint64(1), ""
	if before != nil {
		h, _ := before.Head()
		next, previous = h.Version+1, fmt.Sprintf("previous = \"%x\"\n", sha256.Sum256(beforeText))
	}
	if version == 0 {
		version = next
	}
	if version < next {
		return nil, fmt.Errorf("policy: version %d is not after the one before: %d is the next", version, next)
	}
	head := fmt.Sprintf("version = %d\n", version) + previous
	text, err := without(text, "version", "previous")
	if err != nil {
		return nil, err
	}
	text = append([]byte(head), text...)
	named := map[string][]byte{}
	draft, err := policy.Parse(text, func(name string) ([]byte, error) {
		b, err := load(name)
		if err == nil {
			named[name], err = armoured(b)
		}
		return b, err
	})
	if err != nil {
		return nil, err
	}
	if _, whole := draft.Head(); !whole {
		return nil, errors.New("policy: a policy that is to be signed needs not_before, expires, terminals and policy_keys")
	}
	if text, err = inline(text, named); err != nil {
		return nil, err
	}
	if _, err := policy.Parse(text, nil); err != nil {
		return nil, fmt.Errorf("with its files inside: %w", err)
	}
	return text, nil
}

// armoured is a certificate or a CRL in PEM.
func armoured(b []byte) ([]byte, error) {
	switch {
	case bytes.Contains(b, []byte("'''")) || bytes.Contains(b, []byte("-----BEGIN")) && bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r > '~' }):
		return nil, errors.New("a PEM file with characters that cannot stand in a policy")
	case bytes.Contains(b, []byte("-----BEGIN")):
		return b, nil
	}
	kind := "CERTIFICATE"
	if _, err := x509.ParseCertificate(b); err != nil {
		kind = "X509 CRL"
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), nil
}

// cut is a piece of a text, and what stands there instead.
type cut struct {
	from, to int
	put      string
}

func apply(text []byte, cuts []cut) []byte {
	var out []byte
	at := 0
	for _, c := range cuts {
		out = append(append(out, text[at:c.from]...), c.put...)
		at = c.to
	}
	return append(out, text[at:]...)
}

// without takes keys of the top table out.
func without(text []byte, names ...string) ([]byte, error) {
	var cuts []cut
	err := expressions(text, func(e *unstable.Node) bool {
		if e.Kind != unstable.KeyValue {
			return e.Kind == unstable.Comment
		}
		if k := e.Key(); k.Next() && k.IsLast() && slices.Contains(names, string(k.Node().Data)) {
			from := int(e.Raw.Offset)
			cuts = append(cuts, cut{from, from + int(e.Raw.Length), ""})
		}
		return true
	})
	return apply(text, cuts), err
}

// inline puts the files that are named where their names stand.
func inline(text []byte, named map[string][]byte) ([]byte, error) {
	var cuts []cut
	var walk func(*unstable.Node)
	walk = func(n *unstable.Node) {
		if n.Kind == unstable.String {
			if content, is := named[string(n.Data)]; is {
				from := int(n.Raw.Offset)
				cuts = append(cuts, cut{from, from + int(n.Raw.Length), "'''\n" + strings.ReplaceAll(string(content), "\r\n", "\n") + "'''"})
			}
		}
		for it := n.Children(); it.Next(); {
			walk(it.Node())
		}
	}
	err := expressions(text, func(e *unstable.Node) bool {
		if e.Kind == unstable.KeyValue {
			walk(e.Value())
		}
		return true
	})
	return apply(text, cuts), err
}

// expressions calls see for each line of TOML until it returns false.
func expressions(text []byte, see func(*unstable.Node) bool) error {
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() {
		if !see(p.Expression()) {
			return nil
		}
	}
	if err := p.Error(); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	return nil
}
