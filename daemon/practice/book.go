package practice

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/go-json-experiment/json"

	"honnin/daemon/durable"
	"honnin/daemon/practice/server"
)

// notebook is the centre's book of incidents as a file: one line for each event, escalation, signed state and fetched closing, synced before anybody
// hears of it. A last line without its end was never answered, and is left out.
type notebook struct {
	file   *os.File
	broken error // the last write's: what would follow half a line could not be read
}

// remember opens the book, if the world has one, and has the centre know what stands there.
func (w *World) remember() error {
	path := w.options.Book
	if path == "" {
		return nil
	}
	book, err := readBook(path)
	if err != nil {
		return err
	}
	n := &notebook{}
	kept, err := w.centre.Remember(book, n.write)
	if err == nil {
		err = writeBook(path, kept)
	}
	if err == nil {
		n.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	}
	if err != nil {
		return fmt.Errorf("practice: %s: %w", path, err)
	}
	w.book = n
	return nil
}

func readBook(path string) (book []server.Line, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(b[:bytes.LastIndexByte(b, '\n')+1]) {
		var l server.Line
		if err := json.Unmarshal(line, &l, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("practice: %s: line %d: %w", path, len(book)+1, err)
		}
		book = append(book, l)
	}
	return book, nil
}

func writeBook(path string, book []server.Line) error {
	var b bytes.Buffer
	for _, l := range book {
		if err := appendLine(&b, l); err != nil {
			return err
		}
	}
	return durable.Replace(durable.Real{}, path, b.Bytes())
}

func appendLine(b *bytes.Buffer, l server.Line) error {
	text, err := json.Marshal(l, json.Deterministic(true))
	b.Write(append(text, '\n'))
	return err
}

func (n *notebook) write(l server.Line) error {
	if n.broken != nil {
		return n.broken
	}
	var b bytes.Buffer
	err := appendLine(&b, l)
	if err == nil {
		_, err = n.file.Write(b.Bytes())
	}
	if err == nil {
		err = n.file.Sync()
	}
	n.broken = err
	return err
}

func (n *notebook) close() error {
	if n == nil || n.file == nil {
		return nil
	}
	return n.file.Close()
}
