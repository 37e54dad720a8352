package centre

import (
	"context"
	"io"
	"net/http"
)

// Ready says whether the centre can be reached: nil when it answers at all, over a connection on which both sides
// are known, and by an [Client.Agreeing] one's clock. The protocol has no call for this, so any answer to a request for
// nothing counts.
func (c *Client) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/v1/", nil)
	if err != nil {
		return err
	}
	sent := c.agreement.time()
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(ctx, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, MaxAnswer)) // so that the connection serves the visit too
	return c.agreement.check(sent, resp.Header)
}
