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
	why     string                   // the machine has ended
}

type answer struct {
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Desc string `json:"desc"`
	} `json:"error"`
	Event string `json:"event"`
	Data  struct {
		Device string `json:"device"`
		Reason string `json:"reason"`
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
		c.hear(a)
	}
}

// hear takes an event.
func (c *control) hear(a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch a.Event {
	case "DEVICE_DELETED":
		if g := c.gone[a.Data.Device]; g != nil {
			close(g)
			delete(c.gone, a.Data.Device)
		}
	case "SHUTDOWN":
		c.why = a.Data.Reason
	}
}

// ended is why QEMU, which is gone, said that the machine has ended.
func (c *control) ended() string {
	<-c.answers // closed after its last word
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
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
