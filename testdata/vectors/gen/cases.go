package main

import (
	"slices"

	"honnin/config/reason"
)

// vectorCase is one vector: what it changes in a draft that is right, and the verdict that this must get.
type vectorCase struct {
	name, about string
	change      func(*draft)
	reason      reason.Code // "": accepted
	also        []reason.Code
	random      bool                // cannot be made again byte by byte
	tool        func(*draft) []byte // another tool makes it, at its own clock
}

func cases() []vectorCase {
	return slices.Concat(acceptedCases(), cardCases(), messageCases(), signerCases(), timeCases(), pdfCases(), statementCases())
}

func also(c ...reason.Code) []reason.Code { return c }
