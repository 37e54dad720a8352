package main

import (
	"context"
	"errors"

	"github.com/sirupsen/logrus"

	"honnin/daemon/technician"
)

// errRestart ends a terminal whose machine a technician has restarted: all of it is closed.
var errRestart = errors.New("a technician has this machine restarted")

// restarted restarts the machine after a terminal that ended for that. Where that fails this program does, and whoever keeps it running
// starts it again.
func restarted(ctx context.Context, ended error, r technician.Restart, log logrus.FieldLogger) error {
	if !errors.Is(ended, errRestart) {
		return ended
	}
	log.WithError(ended).Warn("closed; the machine restarts")
	return r.Do(ctx)
}
