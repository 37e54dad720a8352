package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// control speaks QMP, QEMU's own control (docs/interop/qmp-spec): a JSON object a line, one command at a time.
type control struct {
	conn net.Conn
	one  sync.Mutex

	mu      sync.Mutex
	answers chan answer
	gone    map[string]chan struct{} // devices whose end is awaited
}

type answer struct {
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Desc string `json:"desc"`
	} `json:"error"`
	Event string `json:"event"`
	Data  struct {
		Device string `json:"device"`
	} `json:"data"`
}

// newControl takes the greeting and begins.
func newControl(ctx context.Context, conn net.Conn) (*control, error) {
	c := &control{conn: conn, answers: make(chan answer), gone: map[string]chan struct{}{}}
	d := json.NewDecoder(conn)
	var hello struct {
		QMP json.RawMessage `json:"QMP"`
	}
	if err := d.Decode(&hello); err != nil || hello.QMP == nil {
		return nil, fmt.Errorf("qemu: no greeting: %w", err)
	}
	go c.listen(d)
	_, err := c.do(ctx, "qmp_capabilities", nil)
	return c, err
}

func (c *control) listen(d *json.Decoder) {
	defer close(c.answers)
	for {
		var a answer
		if d.Decode(&a) != nil {
			return
		}
		if a.Event == "" {
			c.answers <- a
			continue
		}
		if a.Event == "DEVICE_DELETED" {
			c.mu.Lock()
			if g := c.gone[a.Data.Device]; g != nil {
				close(g)
				delete(c.gone, a.Data.Device)
			}
			c.mu.Unlock()
		}
	}
}

// do runs one command.
func (c *control) do(ctx context.Context, command string, arguments any) (json.RawMessage, error) {
	c.one.Lock()
	defer c.one.Unlock()
	stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() })
	defer stop()
	m := map[string]any{"execute": command}
	if arguments != nil {
		m["arguments"] = arguments
	}
	if err := json.NewEncoder(c.conn).Encode(m); err != nil {
		return nil, fmt.Errorf("qemu: %s: %w", command, err)
	}
	a, ok := <-c.answers
	switch {
	case !ok:
		return nil, errors.Join(fmt.Errorf("qemu: %s: QEMU has ended", command), ctx.Err())
	case a.Error != nil:
		return nil, fmt.Errorf("qemu: %s: %s", command, a.Error.Desc)
	}
	return a.Return, nil
}

// remove unplugs a device and waits until QEMU has let go of it.
func (c *control) remove(ctx context.Context, id string) error {
	gone := make(chan struct{})
	c.mu.Lock()
	c.gone[id] = gone
	c.mu.Unlock()
	if _, err := c.do(ctx, "device_del", map[string]any{"id": id}); err != nil {
		return err
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("qemu: %s stays: %w", id, ctx.Err())
	}
}
