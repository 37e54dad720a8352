package inspect

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/pdfcpu/pdfcpu/pkg/log"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/validate"
)

// pdfcpu keeps its loggers and its configuration's place in package variables, so it reads one document at a
// time in a process; a child never has a second.
var oneAtATime sync.Mutex

// secondOpinion lets pdfcpu read and validate the document. It is asked only about documents that broke no rule
// of ours, and it must have nothing to say.
func (in *inspection) secondOpinion(pdf []byte) {
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	said := &remarks{}
	log.SetCLILogger(said)
	defer log.SetCLILogger(nil)
	what := in.ask(pdf)
	if what == "" && said.n > 0 {
		what = said.first
	}
	if what != "" {
		in.fail(malformed("pdfcpu: %s", what))
		in.facts = Facts{PageCount: in.facts.PageCount}
	}
}

// ask is [inspection.compare] with pdfcpu's panics as an answer.
func (in *inspection) ask(pdf []byte) (what string) {
	defer func() {
		if recover() != nil {
			what = "panics"
		}
	}()
	return in.compare(pdf)
}

// compare says where pdfcpu fails or sees another document than we do, or "". Errors are named by the step
// alone: their text may quote the document.
func (in *inspection) compare(pdf []byte) string {
	ctx, err := pdfcpu.ReadWithContext(context.Background(), bytes.NewReader(pdf), configuration())
	if err != nil {
		return "does not read it"
	}
	for _, e := range ctx.Table {
		if e != nil {
			e.Object = plainDates(e.Object)
		}
	}
	if err := validate.XRefTable(ctx); err != nil {
		return "does not find it valid"
	}
	if ctx.PageCount != len(in.pages) {
		return fmt.Sprintf("counts %d pages", ctx.PageCount)
	}
	for i, p := range in.pages {
		_, r, _, err := ctx.PageDict(i+1, false)
		if err != nil || r == nil || r.ObjectNumber.Value() != p.num {
			return fmt.Sprintf("sees another page %d", i+1)
		}
	}
	return in.compareStatement(ctx)
}

func (in *inspection) compareStatement(ctx *model.Context) string {
	files, err := ctx.ExtractAttachments(nil)
	if err != nil || len(files) != 1 {
		return "sees another number of embedded files"
	}
	got, err := io.ReadAll(io.LimitReader(files[0], MaxStatement+1))
	if err != nil || !bytes.Equal(got[:min(len(got), MaxStatement)], in.facts.Statement) {
		return "sees another statement"
	}
	return ""
}

// zulu reports whether s is a date in UTC without an offset. ISO 32000-1, 7.9.4, allows it and much software writes it
// (cairo, for one), but pdfcpu's strict mode does not read it.
func zulu(s []byte) bool {
	return len(s) == 17 && string(s[:2]) == "D:" && digits(s[2:]) == 14 && s[16] == 'Z'
}

// plainDates takes the Z off such dates in what pdfcpu has read. How deep o nests was bounded by our parser.
func plainDates(o types.Object) types.Object {
	switch o := o.(type) {
	case types.StringLiteral:
		if zulu([]byte(o.Value())) {
			return types.StringLiteral(strings.TrimSuffix(o.Value(), "Z"))
		}
	case types.HexLiteral:
		if b, err := o.Bytes(); err == nil && zulu(b) {
			return types.NewHexLiteral(bytes.TrimSuffix(b, []byte("Z")))
		}
	case types.Array:
		for i := range o {
			o[i] = plainDates(o[i])
		}
	case types.Dict:
		for k := range o {
			o[k] = plainDates(o[k])
		}
	case types.StreamDict:
		plainDates(o.Dict)
	}
	return o
}

func configuration() *model.Configuration {
	model.ConfigPath = "disable" // otherwise it writes to the home directory
	c := model.NewDefaultConfiguration()
	c.ValidationMode = model.ValidationStrict
	c.Offline, c.Optimize, c.OptimizeBeforeWriting, c.OptimizeResourceDicts = true, false, false, false
	c.Limits.MaxStreamBytes, c.Limits.MaxDecodeBytes = 16<<20, maxDecoded
	c.Limits.MaxObjectCount, c.Limits.MaxXRefEntries = maxObjects, maxObjects
	c.Limits.MaxRecursionDepth = maxChain
	return c
}

// remarks is a logger that counts what pdfcpu says of repairs. It keeps the kind of the first remark only.
type remarks struct {
	n     int
	first string
}

func (r *remarks) note(s string) {
	if r.n++; r.n > 1 {
		return
	}
	r.first = "remarks on the file"
	for _, kind := range []string{"repaired", "skipped", "digested"} {
		if strings.Contains(s, kind) {
			r.first = kind + " something"
		}
	}
}

func (r *remarks) Printf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *remarks) Println(args ...any)               { r.note(fmt.Sprintln(args...)) }
func (r *remarks) Fatalf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *remarks) Fatalln(args ...any)               { r.note(fmt.Sprintln(args...)) }
