package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// command is what is to be run.
type command struct {
	Name string   `json:"name"` // of one that goes on: its output is kept in /run/log/NAME
	Args []string `json:"args"`
	Env  []string `json:"env"`
	User uint32   `json:"user"` // 0: root. Its own group has the same number
}

func (c command) prepare() *exec.Cmd {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	if c.User != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.User, Gid: c.User}}
	}
	return cmd
}

// programs are those that go on.
type programs struct {
	mu      sync.Mutex
	running map[string]*program
}

type program struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func newPrograms() *programs { return &programs{running: map[string]*program{}} }

func (p *programs) handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /up", func(http.ResponseWriter, *http.Request) {})
	m.HandleFunc("GET /file", p.read)
	m.HandleFunc("GET /names", p.names)
	m.HandleFunc("GET /filesystems", p.fileSystems)
	m.HandleFunc("PUT /file", p.write)
	m.HandleFunc("POST /own", p.own)
	m.HandleFunc("POST /run", told(p.run))
	m.HandleFunc("POST /start", told(p.start))
	m.HandleFunc("POST /stop", told(p.stop))
	return m
}

// told reads a command, and answers with what became of it.
func told(do func(*http.Request, command) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var c command
		err := json.NewDecoder(r.Body).Decode(&c)
		if err == nil {
			var answer any
			if answer, err = do(r, c); err == nil {
				err = json.NewEncoder(w).Encode(answer)
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

func (*programs) read(w http.ResponseWriter, r *http.Request) {
	b, err := os.ReadFile(r.FormValue("path"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	_, _ = w.Write(b)
}

func (*programs) names(w http.ResponseWriter, r *http.Request) {
	names, err := filepath.Glob(r.FormValue("path"))
	if err == nil {
		err = json.NewEncoder(w).Encode(names)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// fileSystems says of each file that a pattern names, as long as it is there, on what it is.
func (*programs) fileSystems(w http.ResponseWriter, r *http.Request) {
	type fileSystem struct {
		Path        string
		Type, Flags int64
	}
	names, err := filepath.Glob(r.FormValue("path"))
	all := []fileSystem{}
	for _, n := range names {
		var st syscall.Statfs_t
		if syscall.Statfs(n, &st) == nil {
			all = append(all, fileSystem{n, st.Type, st.Flags})
		}
	}
	if err == nil {
		err = json.NewEncoder(w).Encode(all)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (*programs) write(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Query().Get("path")
	b, err := io.ReadAll(r.Body)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = writeFile(path, b)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// writeFile is os.WriteFile with a file that blocks: usblp drops what is still under way when another one is closed.
func writeFile(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_ = f.Fd() // this makes it blocking
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

func (*programs) own(w http.ResponseWriter, r *http.Request) {
	user, err := strconv.Atoi(r.FormValue("user"))
	if err == nil {
		err = filepath.WalkDir(r.FormValue("path"), func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Chown(path, user, user))
		})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// result is how a program ended.
type result struct {
	Code int    `json:"code"`
	Out  string `json:"out"`
	Err  string `json:"err"`
}

// run waits for a program, and ends it when whoever asked goes away.
func (*programs) run(r *http.Request, c command) (any, error) {
	cmd := c.prepare()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&said, os.Stdout)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-r.Context().Done():
			_ = cmd.Process.Kill()
		case <-done:
		}
	}()
	err := cmd.Wait()
	close(done)
	code, err := exit(err)
	return result{code, out.String(), said.String()}, err
}

func exit(err error) (int, error) {
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return e.ExitCode(), nil
	}
	return 0, err
}

// start lets a program go on until stop.
func (p *programs) start(_ *http.Request, c command) (any, error) {
	if err := os.MkdirAll("/run/log", 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join("/run/log", c.Name))
	if err != nil {
		return nil, err
	}
	cmd := c.prepare()
	cmd.Stdout = io.MultiWriter(log, os.Stdout)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	p.mu.Lock()
	p.running[c.Name] = &program{cmd, done}
	p.mu.Unlock()
	go func() {
		defer close(done)
		err := cmd.Wait()
		fmt.Fprintf(cmd.Stdout, "guest: %s has ended: %v\n", c.Name, err)
		_ = log.Close()
	}()
	return cmd.Process.Pid, nil
}

// stop asks a program to end, and waits; whoever waits no longer has it killed.
func (p *programs) stop(r *http.Request, c command) (any, error) {
	p.mu.Lock()
	g := p.running[c.Name]
	delete(p.running, c.Name)
	p.mu.Unlock()
	if g == nil {
		return nil, fmt.Errorf("%q does not run", c.Name)
	}
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.done:
	case <-r.Context().Done():
		_ = g.cmd.Process.Kill()
		<-g.done
	}
	return result{Code: g.cmd.ProcessState.ExitCode()}, nil
}

// run is for the machine's own needs.
func run(args ...string) (int, string, error) {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	code, err := exit(err)
	return code, string(out), err
}
