package practice

import "honnin/config/protocol"

// Publish has the centre offer a version of the policy.
func (w *World) Publish(version uint64, p protocol.PolicyBundle) { w.centre.Publish(version, p) }

// Demand has the centre want a version of the policy at least.
func (w *World) Demand(least uint64) { w.centre.Demand(least) }

// Heartbeat is a terminal's last, and the policy that its last outcome names.
func (w *World) Heartbeat(t protocol.Terminal) (last protocol.Heartbeat, ended protocol.PolicyRef, heard bool) {
	return w.centre.Heartbeat(t)
}
