package terminal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/go-json-experiment/json"

	"honnin/daemon/durable"
	"honnin/spool/journal"
)

// OwedFile is the name of that file in a state directory.
const OwedFile = "owed"

// Owing is the file in which a terminal keeps what its journal would not take, for the case that it ends before the journal does: what
// was owed is written at the next start, before the first visit. It is there only as long as something is owed. The zero value keeps
// nothing.
type Owing struct {
	Path string
	Disk durable.Disk
}

// ErrOwed is such a file that cannot be read. Nobody knows what it stops, so that nothing starts.
var ErrOwed = errors.New("terminal: the file owed cannot be read")

// Readable returns ErrOwed where the terminal would not start for that file's sake.
func (o Owing) Readable() error {
	_, err := o.load()
	return err
}

// load reads what was owed when the terminal ended.
func (o Owing) load() (owed [][]journal.Entry, err error) {
	if o.Path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(o.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &owed, json.RejectUnknownMembers(true))
	}
	for _, what := range owed {
		if len(what) == 0 || what[0].Kind != journal.Incident {
			err = errors.New("no incident")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s tells of an incident that the journal did not take: %w", ErrOwed, o.Path, err)
	}
	return owed, nil
}

// save keeps what is owed, instead of what was.
func (o Owing) save(owed [][]journal.Entry) error {
	if o.Path == "" {
		return nil
	}
	if len(owed) == 0 {
		return o.Disk.Remove(o.Path) // where a power cut brings it back, an incident is told twice
	}
	b, err := json.Marshal(owed, json.Deterministic(true))
	if err != nil {
		return err
	}
	return durable.Replace(o.Disk, o.Path, b)
}
