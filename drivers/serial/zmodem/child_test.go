package zmodem

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestPutFollowsNoLink: nobody, who may write into the directory once it is given, makes us write nowhere else.
func TestPutFollowsNoLink(t *testing.T) {
	c, err := newChild(nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.remove()
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"to-a-file": other, "to-none": other + "-none"} {
		if err := os.Symlink(to, filepath.Join(c.dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := c.put(File{Name: name, Content: []byte("ours")}); err == nil {
			t.Error(name, "was followed")
		}
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "theirs" {
		t.Errorf("%q %v", b, err)
	}
	if _, err := os.Lstat(other + "-none"); err == nil {
		t.Error("made through a link")
	}
}

// TestGiven: the directory is not anybody's but ours before it is given; and a root that cannot give it runs nothing as root.
func TestGiven(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	c, err := newChild(nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if c.uid == nobody {
		t.Error("given before anything was put into it")
	}
	if err := c.give(); err != nil || c.uid != nobody {
		t.Error(err, c.uid)
	}
	if err := c.remove(); err != nil {
		t.Fatal(err)
	}
	if c.uid = -1; c.give() == nil || c.uid == nobody { // its lock is closed: no chown
		t.Error("a directory that could not be given")
	}
}

// TestSendBegins: a receiver who does not ask for the file is waited for no longer than start, whatever it says; one who has asked takes
// its time.
func TestSendBegins(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		want error
	}{
		"nobody":                   {"", ErrNotBegun},
		"a key":                    {"k", ErrNotBegun},
		"rz that asks for nothing": {"**\x18B0100000023be50\r\n\x11", ErrNotBegun},
		"rz that asks":             {"**\x18B0900000000a87c\r\n\x11", context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			bin := t.TempDir()
			if err := os.WriteFile(filepath.Join(bin, "sz"), []byte("#!/bin/sh\nwhile read word; do :; done\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
			if _, err := s.far.Write([]byte(c.says)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*short)
			defer cancel()
			if err := Send(ctx, s.line, File{"result.p7m", []byte("x")}, 3*short, s.dir); !errors.Is(err, c.want) {
				t.Error(err)
			}
			s.nothingLeft()
		})
	}
}
