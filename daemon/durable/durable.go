// Package durable is what is done to a disk where a power cut must leave either what was or what is to be: a thing is
// written beside its place, synced, and renamed into it, and the directory is synced. Each of that is one step of a [Disk],
// so that a test can cut the power between any two (package durabletest).
package durable

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Disk is a disk, in steps between which the power may fail. A new, renamed or removed name is durable when its
// directory is synced.
type Disk interface {
	Mkdir(path string) error           // for this user alone
	Write(path string, b []byte) error // a new file for this user alone, its content synced
	Rename(from, to string) error
	Remove(path string) error // all of it; nothing there is no error
	Sync(dir string) error
}

// InOrder does one step after the other, up to the first that fails.
func InOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Real is the machine's disk.
type Real struct{}

func (Real) Mkdir(path string) error      { return os.Mkdir(path, 0o700) }
func (Real) Rename(from, to string) error { return os.Rename(from, to) }
func (Real) Remove(path string) error     { return os.RemoveAll(path) }

func (Real) Write(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(b))
	return errors.Join(err, f.Sync(), f.Close())
}

func (Real) Sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Replace has a file hold b, in a directory that is there: after a power cut it holds b, or what it held before.
func Replace(disk Disk, path string, b []byte) error {
	beside := path + ".new"
	return InOrder(
		func() error { return disk.Remove(beside) },
		func() error { return disk.Write(beside, b) },
		func() error { return disk.Rename(beside, path) },
		func() error { return disk.Sync(filepath.Dir(path)) })
}
