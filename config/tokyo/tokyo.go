// Package tokyo is the time on paper and on screens: Asia/Tokyo, whatever the machine's own zone is, and from a time
// zone database inside the binary, whatever the machine has of one.
package tokyo

import (
	"sync"
	"time"
	_ "time/tzdata" // a kiosk's image may have no zone files
)

// Zone is Asia/Tokyo.
var Zone = sync.OnceValue(func() *time.Location {
	z, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		panic(err) // it is in this binary
	}
	return z
})
