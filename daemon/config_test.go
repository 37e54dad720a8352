package main

import (
	"bytes"
	"strings"
	"testing"

	"honnin/config/policy"
)

func TestConfigCommands(t *testing.T) {
	page := string(policy.Table().Page())
	for words, c := range map[string]struct{ says, fails string }{
		"explain municipality.service.fee": {says: "policy.toml: municipality.service.fee\n  手数料"},
		"explain printer.address":          {says: "site.toml: printer.address\n"},
		"explain version":                  {says: "site.toml: version\n"},
		"explain":                          {says: "policy.toml: clock_skew\n"},
		"explain fees":                     {fails: "alike are municipality.service.fee"},
		"explain a b":                      {fails: "one key"},
		"page policy":                      {says: page},
		"page site":                        {says: "# site.toml\n"},
		"schema policy":                    {says: `"$schema"`},
		"schema":                           {fails: "policy or site"},
		"page reader":                      {fails: "policy or site"},
	} {
		c1 := command()
		var out bytes.Buffer
		c1.SetOut(&out)
		c1.SetArgs(append([]string{"config"}, strings.Fields(words)...))
		err := c1.Execute()
		if c.fails == "" && (err != nil || !strings.Contains(out.String(), c.says)) {
			t.Errorf("config %s: %v\n%s", words, err, out.String())
		}
		if c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("config %s: %v, want %s", words, err, c.fails)
		}
	}
}
