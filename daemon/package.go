package main

import "github.com/spf13/cobra"

func packageCommand() *cobra.Command {
	return &cobra.Command{Use: "package", Short: "make signed certificate packages, for implementers"}
}
