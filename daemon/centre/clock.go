package centre

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrClock is returned where the centre's clock and the terminal's are too far apart. Which of them is wrong cannot be
// known, and whatever was judged by either (a package that is stale, an answer that is too old, a card that has
// expired) would blame somebody who did nothing.
var ErrClock = errors.New("centre: the clocks disagree")

// agreement is how far apart the clocks may be.
type agreement struct {
	most time.Duration
	now  func() time.Time
}

// Agreeing returns a client over the same connections that takes no answer of the centre's, not even a refusal, whose
// Date (RFC 9110, section 6.6.1) is further than most from now: [ErrClock]. An answer without a Date breaks the protocol.
// A cancellation, which changes nothing that depends on a clock, is as good at any hour.
func (c *Client) Agreeing(most time.Duration, now func() time.Time) *Client {
	agreeing := *c
	agreeing.agreement = &agreement{most, now}
	return &agreeing
}

// time returns when a request is sent.
func (a *agreement) time() (t time.Time) {
	if a != nil {
		t = a.now()
	}
	return t
}

// check holds an answer to what was asked at sent against the clock. A centre may hold a request for long, so its Date
// lies anywhere between the request and now; it is cut to whole seconds.
func (a *agreement) check(sent time.Time, answer http.Header) error {
	if a == nil {
		return nil
	}
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		return fmt.Errorf("%w: Date", ErrAnswer)
	}
	if date.Before(sent.Add(-a.most).Truncate(time.Second)) || date.After(a.now().Add(a.most)) {
		return ErrClock
	}
	return nil
}
