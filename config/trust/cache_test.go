package trust

import (
	"crypto/x509"
	"testing"
	"time"
)

// The cache finds paths by signer and set of certificates, until the first of their certificates expires.
func TestCacheKeepsUntilTheFirstExpiry(t *testing.T) {
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	until := func(d time.Duration) *certificate { return &certificate{x509: &x509.Certificate{NotAfter: now.Add(d)}} }
	for name, p := range map[string]*path{
		"signer":       {signer: until(time.Minute), anchor: &anchor{cert: until(time.Hour)}},
		"intermediate": {signer: until(time.Hour), intermediates: []*certificate{until(time.Minute)}, anchor: &anchor{cert: until(time.Hour)}},
		"anchor":       {signer: until(time.Hour), anchor: &anchor{cert: until(time.Minute)}},
	} {
		var c pathCache
		key := cacheKey([]byte("signer"), []byte("set"))
		c.put(key, []*path{p}, now)
		if got := c.get(key, now.Add(time.Minute-time.Second)); len(got) != 1 || got[0] != p {
			t.Errorf("%s: not kept until its expiry", name)
		}
		if c.get(key, now.Add(time.Minute)) != nil {
			t.Errorf("%s: served after its expiry", name)
		}
		for _, other := range [][32]byte{cacheKey([]byte("signer2"), []byte("set")), cacheKey([]byte("signer"), []byte("set2")), cacheKey([]byte("signers"), []byte("et"))} {
			if c.get(other, now) != nil {
				t.Errorf("%s: served for another signer or set", name)
			}
		}
		c.put(cacheKey(nil, nil), []*path{p}, now.Add(time.Minute))
		if len(c.entries) != 1 {
			t.Errorf("%s: kept although expired", name)
		}
		for i := range maxCached {
			c.put(cacheKey([]byte{byte(i), byte(i >> 8)}, nil), []*path{p}, now)
		}
		if len(c.entries) > maxCached {
			t.Errorf("%s: %d entries", name, len(c.entries))
		}
	}
}
