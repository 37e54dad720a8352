// Package assemble makes the PDF of a package for implementers: it puts the statement and the page tags into a PDF
// that has none, and writes it in the one plain form that the check reads (PDF 1.7, a classic cross-reference
// table, no object streams).
//
// It is a tool on the vendor's desk and no part of the terminal's road to paper: nothing that it makes is believed.
// What it wrote should be looked at by the inspection like any other document ([honnin/spool/document/inspect]).
package assemble

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/validate"

	"honnin/config/protocol"
)

// Document returns pdf with issuance.json (the bytes of statement, which s was read from) and a tag on every page,
// dated at.
func Document(pdf, statement []byte, s protocol.Statement, at time.Time) (out []byte, err error) {
	defer func() { // the parser panics on some input; this is a tool, and says so instead
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("assemble: the PDF could not be read")
		}
	}()
	ctx, err := read(pdf)
	if err != nil {
		return nil, fmt.Errorf("assemble: %w", err)
	}
	if ctx.PageCount != s.Pages {
		return nil, fmt.Errorf("assemble: %d pages, the statement says %d", ctx.PageCount, s.Pages)
	}
	date := at.UTC().Format("D:20060102150405Z")
	if err := attach(ctx, statement); err != nil {
		return nil, fmt.Errorf("assemble: %w", err)
	}
	for n := 1; n <= s.Pages; n++ {
		page, _, _, err := ctx.PageDict(n, false)
		if err != nil {
			return nil, fmt.Errorf("assemble: page %d: %w", n, err)
		}
		tag(page, s, n, date)
	}
	return write(ctx)
}

func read(pdf []byte) (*model.Context, error) {
	model.ConfigPath = "disable" // otherwise the library writes to the home directory
	conf := model.NewDefaultConfiguration()
	conf.Offline, conf.Optimize = true, false
	conf.WriteObjectStream, conf.WriteXRefStream = false, false
	ctx, err := pdfcpu.ReadWithContext(context.Background(), bytes.NewReader(pdf), conf)
	if err != nil {
		return nil, err
	}
	return ctx, validate.XRefTable(ctx)
}

// attach makes the one embedded file. A PDF that has attachments already is refused: the check would.
func attach(ctx *model.Context, statement []byte) error {
	root, err := ctx.Catalog()
	if err != nil {
		return err
	}
	if _, has := root.Find("Names"); has {
		return fmt.Errorf("the PDF has name trees (attachments or the like) already")
	}
	file, err := ctx.NewStreamDictForBuf(statement)
	if err != nil {
		return err
	}
	file.InsertName("Type", "EmbeddedFile")
	file.Insert("Params", types.Dict{"Size": types.Integer(len(statement))})
	if err := file.Encode(); err != nil {
		return err
	}
	stream, err := ctx.IndRefForNewObject(*file)
	if err != nil {
		return err
	}
	name := types.StringLiteral(protocol.StatementName)
	spec, err := ctx.IndRefForNewObject(types.Dict{"Type": types.Name("Filespec"), "F": name, "UF": name, "EF": types.Dict{"F": *stream, "UF": *stream}})
	if err != nil {
		return err
	}
	root["Names"] = types.Dict{"EmbeddedFiles": types.Dict{"Names": types.Array{name, *spec}}}
	return nil
}

func tag(page types.Dict, s protocol.Statement, n int, date string) {
	written := types.StringLiteral(date)
	hexed := func(b []byte) types.HexLiteral { return types.HexLiteral(hex.EncodeToString(b)) }
	page["LastModified"] = written
	page["PieceInfo"] = types.Dict{"Honnin": types.Dict{"LastModified": written, "Private": types.Dict{
		"SubjectHash": hexed(s.SubjectHash[:]), "Transaction": hexed(s.Transaction[:]),
		"Page": types.Integer(n), "Pages": types.Integer(s.Pages)}}}
}

func write(ctx *model.Context) ([]byte, error) {
	var out bytes.Buffer
	ctx.Write.Writer = bufio.NewWriter(&out)
	if err := pdfcpu.WriteContext(ctx); err != nil {
		return nil, fmt.Errorf("assemble: %w", err)
	}
	if err := ctx.Write.Flush(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
