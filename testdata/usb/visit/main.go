// Command visit is what a terminal does with a card, and nothing else: it waits for one, connects, reads the certificate,
// asks for the tries, verifies the PIN and has the card sign. It runs in the machine of the USB tests, over pcscd or over
// this project's own driver, and says what it cost, as JSON.
//
//	visit pcsc|usb          one visit
//	visit usb SECONDS NAME  waits for a card that does not come, at one of several readers
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"honnin/drivers/attached"
	"honnin/drivers/card"
	"honnin/drivers/card/cardtest"
	"honnin/drivers/card/ccid"
	"honnin/drivers/card/pcsc"
)

// reader is what both drivers are.
type reader interface {
	Connect(ctx context.Context) (card.Connection, error)
	Watch(ctx context.Context, notify func(present bool))
}

// cost is of one visit, in seconds since the reader told of the card.
type cost struct {
	Connected, Certificate, Signed float64
	Traffic                        card.Traffic
}

// idle is of a wait.
type idle struct {
	Whole        float64 // seconds from the beginning
	Seconds, CPU float64 // without the while in which it gets used to the reader
	Wakeups      int64   // voluntary context switches
}

const patience = 60 * time.Second

func main() {
	said, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(said)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "visit:", err)
		os.Exit(1)
	}
}

func run(args []string) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("pcsc or usb?")
	}
	var r reader = pcsc.New("")
	if args[0] == "usb" {
		r = ccid.New(attached.System(), strings.Join(args[min(2, len(args)):], " "))
	}
	if len(args) == 1 {
		return visit(r)
	}
	seconds, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, err
	}
	return wait(r, time.Duration(seconds)*time.Second)
}

// visit waits for a card. Watching goes on beside the visit, as in the terminal.
func visit(r reader) (c cost, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	here, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		r.Watch(ctx, func(present bool) {
			if !present {
				return
			}
			select {
			case here <- struct{}{}:
			default:
			}
		})
	}()
	defer func() { cancel(); <-done }()
	fmt.Fprintln(os.Stderr, "waiting")
	select {
	case <-here:
	case <-ctx.Done():
		return c, errors.New("no card came")
	}
	begun := time.Now()
	conn, err := r.Connect(ctx)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	c.Connected = time.Since(begun).Seconds()
	return c, c.speak(ctx, conn, begun)
}

func (c *cost) speak(ctx context.Context, conn card.Connection, begun time.Time) error {
	counting := &card.Counting{Transport: conn}
	holder := card.New(counting)
	if _, err := holder.Identify(ctx); err != nil {
		return err
	}
	if _, err := holder.Certificate(ctx); err != nil {
		return err
	}
	c.Certificate = time.Since(begun).Seconds()
	if _, err := holder.PINTries(ctx); err != nil {
		return err
	}
	pin, err := card.ParsePIN([]byte(cardtest.PIN))
	if err != nil {
		return err
	}
	if err := holder.VerifyPIN(ctx, pin); err != nil {
		return err
	}
	if _, err := holder.Sign(ctx, []byte("a fictional request")); err != nil {
		return err
	}
	c.Signed, c.Traffic = time.Since(begun).Seconds(), counting.Traffic()
	return nil
}

// wait watches an empty reader, after a while in which it gets used to it.
func wait(r reader, d time.Duration) (idle, error) {
	const settle = 3 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), settle+d)
	defer cancel()
	began := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Watch(ctx, func(bool) {})
	}()
	time.Sleep(settle)
	before, err := used()
	if err != nil {
		return idle{}, err
	}
	<-done
	after, err := used()
	return idle{time.Since(began).Seconds(), d.Seconds(), after.CPU - before.CPU, after.Wakeups - before.Wakeups}, err
}

func used() (idle, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return idle{CPU: float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, Wakeups: u.Nvcsw}, err
}
