package centre

import (
	"context"
	"net/http"

	"honnin/config/protocol"
)

// Suspensions asks what is suspended for all terminals and returns the centre's signed answer unverified (CMS, at most 64 KiB). Like
// in-force it asks only: the nonce is fresh, and an answer of before would be none.
func (c *Client) Suspensions(ctx context.Context, fresh protocol.Nonce) ([]byte, error) {
	return c.call(ctx, request{method: http.MethodPost, path: "/v1/suspensions", body: protocol.SuspensionsQuestion{Nonce: fresh},
		want: http.StatusOK, media: mediaCMS})
}
