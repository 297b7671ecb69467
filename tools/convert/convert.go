package main

import "github.com/spf13/cobra"

func newConvert() *cobra.Command {
	return &cobra.Command{Use: "convert IN -o MODEL.json", Hidden: true, RunE: func(*cobra.Command, []string) error { return misused("not here yet") }}
}
