package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Command is a program to be run in the machine.
type Command struct {
	Name string   `json:"name"` // of one that goes on
	Args []string `json:"args"`
	Env  []string `json:"env"`
	User uint32   `json:"user"` // 0: root. The group of the same number
}

// Result is how a program ended.
type Result struct {
	Code     int
	Out, Err string
}

// Run runs a program to its end; with ctx it is killed.
func (m *Machine) Run(ctx context.Context, c Command) (r Result, err error) {
	err = m.tell(ctx, "/run", c, &r)
	return r, err
}

// Start lets a program go on until [Machine.Stop].
func (m *Machine) Start(ctx context.Context, c Command) error {
	_, err := m.Process(ctx, c)
	return err
}

// Process is Start, and says which process it is.
func (m *Machine) Process(ctx context.Context, c Command) (pid int, err error) {
	err = m.tell(ctx, "/start", c, &pid)
	return pid, err
}

// Stop ends a program in good order, and returns its exit status; with ctx it is killed.
func (m *Machine) Stop(ctx context.Context, name string) (code int, err error) {
	var r Result
	err = m.tell(ctx, "/stop", Command{Name: name}, &r)
	return r.Code, err
}

// Said is what a program that was started has said so far.
func (m *Machine) Said(ctx context.Context, name string) (string, error) {
	b, err := m.Read(ctx, "/run/log/"+name)
	return string(b), err
}

// Read reads a file.
func (m *Machine) Read(ctx context.Context, path string) (b []byte, err error) {
	err = m.ask(ctx, http.MethodGet, "/file?path="+url.QueryEscape(path), nil, &b)
	return b, err
}

// Write writes a file, with the directories above it.
func (m *Machine) Write(ctx context.Context, path string, b []byte) error {
	return m.ask(ctx, http.MethodPut, "/file?path="+url.QueryEscape(path), b, nil)
}

// Own gives a directory with what is in it to a user and its group.
func (m *Machine) Own(ctx context.Context, dir string, user uint32) error {
	return m.ask(ctx, http.MethodPost, fmt.Sprintf("/own?path=%s&user=%d", url.QueryEscape(dir), user), nil, nil)
}

// Names are the files that a pattern names.
func (m *Machine) Names(ctx context.Context, pattern string) (names []string, err error) {
	var b []byte
	if err = m.ask(ctx, http.MethodGet, "/names?path="+url.QueryEscape(pattern), nil, &b); err == nil {
		err = json.Unmarshal(b, &names)
	}
	return names, err
}

// FileSystem is what statfs(2) says of a path.
type FileSystem struct {
	Path        string
	Type, Flags int64
}

// FileSystems are those on which what a pattern names is.
func (m *Machine) FileSystems(ctx context.Context, pattern string) (all []FileSystem, err error) {
	var b []byte
	if err = m.ask(ctx, http.MethodGet, "/filesystems?path="+url.QueryEscape(pattern), nil, &b); err == nil {
		err = json.Unmarshal(b, &all)
	}
	return all, err
}

func (m *Machine) tell(ctx context.Context, path string, c Command, answer any) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	var b []byte
	if err := m.ask(ctx, http.MethodPost, path, body, &b); err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(b, answer)
}

// maxAnswer bounds what is taken from the machine.
const maxAnswer = 64 << 20

func (m *Machine) ask(ctx context.Context, method, path string, body []byte, answer *[]byte) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://guest"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	w, err := m.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(w.Body, maxAnswer))
	if err == nil && w.StatusCode != http.StatusOK {
		err = fmt.Errorf("qemu: the machine says: %s", bytes.TrimSpace(b))
	}
	if answer != nil {
		*answer = b
	}
	return err
}
