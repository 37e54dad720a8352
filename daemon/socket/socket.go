// Package socket makes the Unix sockets of a state directory, on which the terminal is spoken to by its own user and root, and by nobody else.
package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// maxPath is how many bytes a socket's path may have (unix(7): sun_path, with its end).
const maxPath = 107

// Listen makes the socket dir/name anew, with mode 0600, and closes it when ctx ends. One that a process left there is
// removed: who calls this holds the directory's lock. A longer path than unix(7) allows is an error.
func Listen(ctx context.Context, dir, name string) (net.Listener, error) {
	path := filepath.Join(dir, name)
	if len(path) > maxPath {
		return nil, fmt.Errorf("%s: a socket's path has at most %d bytes; choose a shorter state directory", path, maxPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	return l, nil
}
