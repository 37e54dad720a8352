package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processFigures measures the built honnind from outside: how long until it welcomes somebody, what it then needs,
// and how large it is.
func processFigures(ctx context.Context, o options) ([]row, error) {
	var first, later []time.Duration
	var idle memory
	for range max(1, o.runs/5) {
		f, l, m, err := starts(ctx, o.honnind, 5)
		if err != nil {
			return nil, err
		}
		first, later, idle = append(first, f), append(later, l...), m
	}
	rows := []row{
		spreadOf(later).row("start to the welcome screen, keys there", "≤ 0.5 s", "from exec to the drawn screen over HTTP"),
		spreadOf(first).row("the same, first start: keys are made", "", "RSA keys of the practice world's people"),
	}
	rows = append(rows, idle.rows()...)
	size, err := sizes(ctx, o.honnind)
	return append(rows, size...), err
}

// starts makes one first start and n further ones with its keys; memory is the last one's.
func starts(ctx context.Context, binary string, n int) (first time.Duration, later []time.Duration, m memory, err error) {
	state, err := os.MkdirTemp("", "honnin-figures-")
	if err != nil {
		return 0, nil, m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	for i := range n + 1 {
		took, p, err := launch(ctx, binary, state)
		if err != nil {
			return 0, nil, m, err
		}
		if i == 0 {
			first = took
		} else {
			later = append(later, took)
		}
		if i == n {
			m, err = settled(ctx, p.cmd.Process.Pid)
		}
		if err := errors.Join(err, p.end()); err != nil {
			return 0, nil, m, err
		}
	}
	return first, later, m, nil
}

// process is a running honnind.
type process struct {
	cmd *exec.Cmd
	out io.Closer
}

// launch starts honnind and waits for the welcome screen.
func launch(ctx context.Context, binary, state string) (time.Duration, *process, error) {
	c := exec.CommandContext(ctx, binary, "practice", "--state", state, "--listen", "127.0.0.1:0")
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	begin := time.Now()
	if err := c.Start(); err != nil {
		return 0, nil, err
	}
	p := &process{c, out}
	line, err := bufio.NewReader(out).ReadString('\n')
	address := strings.TrimSpace(strings.TrimPrefix(line, "ready"))
	if err == nil {
		err = eventually(ctx, "the welcome screen", func() bool { return welcomes(ctx, address) })
	}
	took := time.Since(begin)
	if err != nil {
		return 0, nil, errors.Join(err, p.end())
	}
	return took, p, nil
}

func (p *process) end() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// welcomes asks for the kiosk's page as a person's own browser does.
func welcomes(ctx context.Context, address string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"kiosk", nil)
	if err != nil {
		return false
	}
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return err == nil && strings.Contains(string(page), `data-screen="welcome"`)
}

// memory is what an idle terminal and its waiting child hold.
type memory struct{ terminal, child resident }

// resident is one process' memory, bytes; pss is -1 where it may not be read.
type resident struct{ rss, anonymous, pss int64 }

const settling = time.Second // after the welcome: the first collections, the child's rehearsal

func settled(ctx context.Context, pid int) (m memory, err error) {
	select {
	case <-time.After(settling):
	case <-ctx.Done():
		return m, ctx.Err()
	}
	if m.terminal, err = residentOf(pid); err != nil {
		return m, err
	}
	child, err := childOf(pid)
	if err != nil {
		return m, err
	}
	m.child, err = residentOf(child)
	return m, err
}

func residentOf(pid int) (resident, error) {
	status, err := kibibytes(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return resident{}, err
	}
	r := resident{status["VmRSS"], status["RssAnon"], -1}
	if rollup, err := kibibytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid)); err == nil {
		r.pss = rollup["Pss"]
	}
	return r, nil
}

// kibibytes reads the lines "name: n kB" of a file of proc(5), into bytes.
func kibibytes(path string) (map[string]int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		if n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64); err == nil {
			out[name] = n << 10
		}
	}
	return out, nil
}

var errNoChild = errors.New("no child waits")

func childOf(pid int) (int, error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, l := range lists {
		b, err := os.ReadFile(l)
		if fields := strings.Fields(string(b)); err == nil && len(fields) > 0 {
			return strconv.Atoi(fields[0])
		}
	}
	return 0, errNoChild
}

func (m memory) rows() []row {
	return []row{
		{"idle memory of the terminal, RSS", mebibytes(m.terminal.rss), "≤ 40 MiB", m.terminal.String() + "; the practice centre, issuers and fonts are in it"},
		{"idle memory of its waiting child, RSS", mebibytes(m.child.rss), "", m.child.String() + "; its file pages are the terminal's own binary"},
		{"both, PSS", both(m.terminal.pss, m.child.pss), "", "pages that both use are counted once"},
		remark("mlockall(MCL_ONFAULT) locks what is in use, no more: VmLck counts reserved addresses and is no figure of memory."),
	}
}

func (r resident) String() string {
	text := "anonymous " + mebibytes(r.anonymous)
	if r.pss >= 0 {
		text += ", PSS " + mebibytes(r.pss)
	}
	return text
}

func both(a, b int64) string {
	if a < 0 || b < 0 {
		return "-"
	}
	return mebibytes(a + b)
}

// sizes of the binary as make builds it, and without symbols.
func sizes(ctx context.Context, binary string) (rows []row, err error) {
	built, err := os.Stat(binary)
	if err != nil {
		return nil, err
	}
	rows = []row{{"binary as make builds it", mebibytes(built.Size()), "", "with symbol table and DWARF"}}
	dir, err := os.MkdirTemp("", "honnin-figures-")
	if err != nil {
		return rows, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bare := filepath.Join(dir, "honnind")
	if out, err := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", bare, "honnin/daemon").CombinedOutput(); err != nil {
		return append(rows, row{"the same without symbols", "-", "", strings.TrimSpace(string(out))}), nil
	}
	stripped, err := os.Stat(bare)
	if err != nil {
		return rows, err
	}
	return append(rows, row{"the same without symbols", mebibytes(stripped.Size()), "", `-ldflags="-s -w"`}), nil
}
