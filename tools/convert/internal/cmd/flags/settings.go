package flags

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tweedie/core/settings"
)

// AddSettings declares the flag of every setting. A setting that is given already has its
// value as the flag's default.
func AddSettings(cmd *cobra.Command, values []settings.Value) {
	for _, v := range values {
		name, short := v.Flag(), ""
		if name == "n" {
			name, short = "number", "n"
		}
		f := cmd.Flags().VarPF(v, name, short, usage(v))
		switch v.Kind {
		case settings.Switch:
			f.NoOptDefVal = "1"
		case settings.Choice:
			cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(v.Choices, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

// usage returns the help of the flag of a setting: what it does, what it takes and what
// holds where it is not given.
func usage(v settings.Value) string {
	text := strings.TrimSuffix(v.Help, ".")
	if first, size := utf8.DecodeRuneInString(text); len(text) > size && unicode.IsLower(rune(text[size])) && !strings.HasPrefix(text, "Langevin") {
		text = string(unicode.ToLower(first)) + text[size:]
	}
	if v.Kind != settings.Switch && v.Kind != settings.Seed && v.Kind != settings.Classes {
		text += "; " + v.Want()
	}
	if v.Default != "" && !v.Given() && v.Kind != settings.Switch {
		text += " (default: " + v.Default + ")"
	}
	return text
}

// named returns a *settings.FieldError that names the flag of its setting.
func named(e *settings.FieldError) error {
	flag := *e
	flag.Field = "--" + strings.ReplaceAll(e.Field, "_", "-")
	if e.Field == "n" {
		flag.Field = "--number"
	}
	return &flag
}

// AsMisuse returns err as a Misuse, nil if there is no error. An error of a setting names
// its flag.
func AsMisuse(err error) error {
	if err == nil {
		return nil
	}
	if field, ok := errors.AsType[*settings.FieldError](err); ok {
		err = named(field)
	}
	return &Misuse{err}
}
