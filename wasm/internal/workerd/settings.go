package workerd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Settings are the settings in wrangler.jsonc that this package uses.
type Settings struct {
	Main          string            `json:"main"` // its folder contains the other modules
	Date          string            `json:"compatibility_date"`
	Flags         []string          `json:"compatibility_flags"`
	Vars          map[string]string `json:"vars"`
	Assets        assets            `json:"assets"`
	DurableObject objects           `json:"durable_objects"`

	folder string // of the file
}

type assets struct {
	Directory   string   `json:"directory"`
	Binding     string   `json:"binding"`
	WorkerFirst []string `json:"run_worker_first"`
}

type objects struct {
	Bindings []struct {
		Name  string `json:"name"`
		Class string `json:"class_name"`
	} `json:"bindings"`
}

// ReadSettings reads the wrangler.jsonc at path. Comments must be on lines of their own.
func ReadSettings(path string) (*Settings, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("workerd: %w", err)
	}
	var text strings.Builder
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "//") {
			text.WriteString(line)
		}
	}
	s := &Settings{folder: filepath.Dir(path)}
	if err := json.Unmarshal([]byte(text.String()), s); err != nil {
		return nil, fmt.Errorf("workerd: %q: %w", path, err)
	}
	return s, nil
}

// Build returns the folder of the Worker's modules.
func (s *Settings) Build() string { return filepath.Join(s.folder, filepath.Dir(s.Main)) }

// Site returns the folder of the static site.
func (s *Settings) Site() string { return filepath.Join(s.folder, s.Assets.Directory) }

// capnp returns the configuration of workerd: a server for the Worker on an address, bound to
// services.
func (s *Settings) capnp(modules []string, address string, to services) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("using Workerd = import \"/workerd/workerd.capnp\";")
	line("const config :Workerd.Config = (")
	line("  services = [(name = \"main\", worker = .worker),")
	line("    (name = \"site\", external = (address = %q, http = ())),", to.site)
	if to.gallery != "" {
		line("    (name = \"gallery\", external = (address = %q, http = ())),", to.gallery)
	}
	line("    (name = \"platform\", external = (address = %q, http = ()))],", to.platform)
	line("  sockets = [(name = \"http\", address = %q, http = (), service = \"main\")]);", address)
	line("const worker :Workerd.Worker = (")
	line("  modules = [")
	for _, name := range modules {
		kind := "esModule"
		if filepath.Ext(name) == ".wasm" {
			kind = "wasm"
		}
		line("    (name = %q, %s = embed %q),", name, kind, name)
	}
	line("  ],")
	line("  compatibilityDate = %q, compatibilityFlags = [%s],", s.Date, quoted(s.Flags))
	line("  cacheApiOutbound = \"platform\", globalOutbound = \"platform\", durableObjectStorage = (inMemory = void),")
	line("  durableObjectNamespaces = [")
	for _, o := range s.DurableObject.Bindings {
		line("    (className = %q, uniqueKey = %q),", o.Class, o.Class)
	}
	line("  ],")
	line("  bindings = [(name = %q, service = \"site\"), (name = \"PICTURES\", r2Bucket = \"platform\"),", s.Assets.Binding)
	if to.gallery != "" {
		line("    (name = \"GALLERY\", kvNamespace = \"gallery\"),")
	}
	for _, o := range s.DurableObject.Bindings {
		line("    (name = %q, durableObjectNamespace = %q),", o.Name, o.Class)
	}
	for name, value := range s.Vars {
		line("    (name = %q, text = %q),", name, value)
	}
	line("  ]);")
	return b.String()
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}
