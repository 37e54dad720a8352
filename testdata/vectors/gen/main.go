// Command gen makes testdata/vectors anew: the packages, the cards, the policy and the manifest.
//
//	go run ./testdata/vectors/gen            write them
//	go run ./testdata/vectors/gen -external  also have openssl and qpdf make anew what they made
//	go run ./testdata/vectors/gen -check     run the check on what is there and say where it differs
//
// The same input gives the same bytes, but for RSASSA-PSS, which the standard library always randomizes, and for what
// other tools make. Such a file is kept as long as the document inside is the one that would be signed.
package main

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"honnin/config/protocol"
	"honnin/config/reason"
	"honnin/config/trust"
	"honnin/spool/document/inspect"
	"honnin/testdata/vectors"
)

func main() {
	if inspect.IsChild() {
		inspect.ChildMain()
	}
	dir := flag.String("dir", "testdata/vectors", "where the vectors are")
	external := flag.Bool("external", false, "run openssl and qpdf")
	verify := flag.Bool("check", false, "check what is there, write nothing")
	flag.Parse()
	if *verify {
		os.Exit(checkAll())
	}
	g := &generator{dir: *dir, external: *external, world: newWorld(), known: known()}
	g.run()
}

// known returns the manifest as it stands, by name.
func known() map[string]vectors.Vector {
	out := map[string]vectors.Vector{}
	all, _ := vectors.All() // none yet: everything is new
	for _, v := range all {
		out[v.Name] = v
	}
	return out
}

type generator struct {
	dir      string
	external bool
	world    *world
	known    map[string]vectors.Vector
	manifest vectors.Manifest
	size     int
}

func (g *generator) run() {
	for _, old := range must(filepath.Glob(filepath.Join(g.dir, "*.p7m"))) {
		if _, there := g.wanted()[filepath.Base(old)]; !there {
			check(os.Remove(old))
		}
	}
	for name, b := range g.world.files() {
		g.write(name, b)
	}
	g.manifest.Format = vectors.Format
	for _, c := range cases() {
		g.add(c)
	}
	out := must(json.MarshalIndent(g.manifest, "", "  "))
	g.write("vectors.json", append(out, '\n'))
	fmt.Printf("%d vectors, %d bytes\n", len(g.manifest.Vectors), g.size)
}

func (g *generator) wanted() map[string]bool {
	out := map[string]bool{}
	for _, c := range cases() {
		out[c.name+".p7m"] = true
	}
	return out
}

func (g *generator) write(name string, b []byte) {
	g.size += len(b)
	check(os.WriteFile(filepath.Join(g.dir, name), b, 0o644))
}

// add makes one vector.
func (g *generator) add(c vectorCase) {
	d := newDraft(g.world, c.name)
	if c.clock && !g.keepClock(c.name, d) {
		d.shift(time.Now().UTC().Truncate(time.Second))
	}
	if c.change != nil {
		c.change(d)
	}
	v := vectors.Vector{
		Name: c.name, Description: c.about, File: c.name + ".p7m", PolicyFile: cmp.Or(c.policy, "policy.toml"), CardFile: d.card,
		Transaction: d.want.Transaction.String(), Terminal: string(d.want.Terminal), Nonce: hex.EncodeToString(d.want.Nonce[:]),
		At: text(d.at), Verdict: "refused", Reason: c.reason, Also: c.also,
	}
	if c.reason == "" {
		v.Verdict = "accepted"
	}
	if !d.began.IsZero() {
		v.Began = text(d.began)
	}
	if d.application != nil {
		v.Application = must(json.Marshal(d.application))
	}
	var file []byte
	file, v.Repeat = squeeze(g.signed(c, d))
	g.manifest.Vectors = append(g.manifest.Vectors, v)
	g.write(v.File, file)
}

// squeeze takes the longest run of one byte out of a package that would be large without it.
func squeeze(b []byte) ([]byte, *vectors.Repeat) {
	var r vectors.Repeat
	for i, n := 0, 0; i < len(b); i += n {
		for n = 1; i+n < len(b) && b[i+n] == b[i]; n++ {
		}
		if n > r.Count {
			r = vectors.Repeat{At: i, Byte: b[i], Count: n}
		}
	}
	if r.Count < 64<<10 {
		return b, nil
	}
	return slices.Delete(b, r.At, r.At+r.Count), &r
}

func text(t time.Time) string { return string(must(protocol.At(t).MarshalText())) }

// keepClock gives d the instant at which another tool made the vector that is there; false: it is to be made.
func (g *generator) keepClock(name string, d *draft) bool {
	old, there := g.known[name]
	if !there || g.external {
		return false
	}
	d.shift(must(time.Parse(time.RFC3339, old.At)))
	return true
}

// signed returns the package, the one that is there if it cannot be made again byte by byte and is still right.
func (g *generator) signed(c vectorCase, d *draft) []byte {
	if c.random || c.tool != nil {
		old, err := os.ReadFile(filepath.Join(g.dir, c.name+".p7m"))
		if err == nil && (c.tool != nil && !g.external || sameContent(old, d.pdf())) {
			return old
		}
	}
	if c.tool != nil {
		return c.tool(d)
	}
	return d.sign(d.pdf())
}

func sameContent(der, pdf []byte) bool {
	m, err := trust.Parse(der)
	return err == nil && bytes.Equal(m.Content(), pdf)
}

// checkAll runs every vector and returns the exit status.
func checkAll() (status int) {
	all := must(vectors.All())
	pool := inspect.NewPool(inspect.Options{})
	defer pool.Close()
	covered := map[reason.Code]int{}
	for _, v := range all {
		if problem := examine(v, pool); problem != "" {
			fmt.Println("✗ " + problem)
			status = 1
		}
		covered[v.Reason]++
	}
	for _, i := range reason.All() {
		if covered[i.Code] == 0 && offline(i.Code) {
			fmt.Printf("✗ no vector is refused as %s\n", i.Code)
			status = 1
		}
	}
	fmt.Printf("%d vectors, %d accepted, %d reasons\n", len(all), covered[""], len(covered)-1)
	return status
}

// offline reports whether the offline check can give the code.
func offline(c reason.Code) bool {
	switch c {
	case reason.CardGone, reason.CardChanged, reason.RegisterUntrusted, reason.RegisterOtherTransaction,
		reason.RegisterMismatch, reason.RecordSuperseded, reason.NameMismatch:
		return false
	}
	return true
}
