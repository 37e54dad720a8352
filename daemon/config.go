package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"honnin/config/keys"
	"honnin/config/policy"
	"honnin/config/site"
)

// configFiles are those that "honnind config" knows, the first being meant where nothing else is said.
func configFiles() []keys.File { return []keys.File{policy.Table(), site.Table()} }

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "what may stand in policy.toml and site.toml",
		Args: noArguments, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(explainCommand(),
		fileCommand("page", "every key of a file, as Markdown", func(f keys.File) ([]byte, error) { return f.Page(), nil }),
		fileCommand("schema", "the JSON Schema of a file, for editors that know TOML", keys.File.Schema))
	return c
}

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEY]",
		Short: "what a key means, and what may stand behind it",
		Long: "explain says what a key of policy.toml or site.toml means, what it may be and what counts without it.\n" +
			"A key stands with its tables: municipality.service.fee. Where both files have it, both are explained; without a key,\n" +
			"all keys are listed. 設定のキーの意味、書き方、省略時の値を示します。",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("explain takes one key")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				listKeys(c.OutOrStdout())
				return nil
			}
			return explainKey(c.OutOrStdout(), args[0])
		},
	}
}

func listKeys(w io.Writer) {
	for _, f := range configFiles() {
		for _, k := range f.Keys {
			fmt.Fprintf(w, "%s: %s\n", f.Name, k.Path)
		}
	}
}

func explainKey(w io.Writer, key string) error {
	var unknown []string
	for _, f := range configFiles() {
		text, err := f.Explain(key)
		if err != nil {
			unknown = append(unknown, err.Error())
			continue
		}
		fmt.Fprint(w, text)
	}
	if len(unknown) == len(configFiles()) {
		return usage("%s", strings.Join(unknown, "\n"))
	}
	return nil
}

func fileCommand(name, short string, write func(keys.File) ([]byte, error)) *cobra.Command {
	return &cobra.Command{
		Use: name + " policy|site", Short: short, ValidArgs: []string{"policy", "site"},
		RunE: func(c *cobra.Command, args []string) error {
			for _, f := range configFiles() {
				if len(args) == 1 && args[0]+".toml" == f.Name {
					b, err := write(f)
					if err != nil {
						return err
					}
					_, err = c.OutOrStdout().Write(b)
					return err
				}
			}
			return usage("%s takes one word: policy or site", name)
		},
	}
}
