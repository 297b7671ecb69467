package train

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// card returns what the model card says of the data and the command. It names files and folders
// without the folders that they are in, which belong to nobody else.
func (o *training) card(cmd *cobra.Command, path, name string) map[string]any {
	card := map[string]any{"title": cmp.Or(o.title, name), "data": base(path), "command": command(cmd, path)}
	if o.init != "" {
		card["init"] = base(o.init)
	}
	return card
}

// command returns the command line with the flags that change the model.
func command(cmd *cobra.Command, path string) string {
	words := []string{cmd.CommandPath(), quoted(base(path))}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case slices.Contains([]string{"output", "json", "name", "title", "save-every", "sample-every"}, f.Name):
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
		case slices.Contains([]string{"config", "init", "teacher"}, f.Name):
			words = append(words, "--"+f.Name, quoted(base(f.Value.String())))
		default:
			words = append(words, "--"+f.Name, quoted(f.Value.String()))
		}
	})
	return strings.Join(words, " ")
}

// base returns the last name on a path.
func base(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole // of "."
	}
	return filepath.Base(path)
}

// quoted returns a word of a command line.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t'\"$&;()*?") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
