package weights

import (
	"fmt"
	"strings"

	"tweedie/core/minijson"
)

// Format and Version are the values of the manifest's members of these names.
const (
	Format  = "tweedie-model"
	Version = 3
)

// summed is the version from which on a manifest contains its own SHA-256.
const summed = 3

// ShardSuffix is the end of the file name of every shard.
const ShardSuffix = ".safetensors.zst"

// Manifest describes a model and lists the shards that contain its weights.
type Manifest struct {
	Format  string              `json:"format"`  // the constant Format; Write sets it
	Version int                 `json:"version"` // at most the constant Version; Write sets it
	SHA256  string              `json:"sha256"`  // of the manifest's bytes, with zeros for these digits; absent before version 3; Write sets it
	Name    string              `json:"name"`    // for people, at most MaxName bytes
	Config  minijson.RawMessage `json:"config"`  // an object: the network and its process, defined by core/model
	Card    minijson.RawMessage `json:"card"`    // an object: data, licence and figures; nil for none
	Shards  []Shard             `json:"shards"`  // Write sets them
}

// Shard is one file of weights.
type Shard struct {
	File     string `json:"file"`      // a file name, without a path, in the manifest's folder
	Bytes    int    `json:"bytes"`     // its size
	SHA256   string `json:"sha256"`    // of its bytes, 64 lower-case hexadecimal digits
	RawBytes int    `json:"raw_bytes"` // its size when decompressed
}

// Bytes returns the size of all shards as stored, which is the size of the download.
func (m *Manifest) Bytes() int {
	n := 0
	for _, s := range m.Shards {
		n += s.Bytes
	}
	return n
}

// RawBytes returns the decompressed size of all shards, which Decode allocates.
func (m *Manifest) RawBytes() int {
	n := 0
	for _, s := range m.Shards {
		n += s.RawBytes
	}
	return n
}

// ParseManifest reads a manifest. Members that FORMAT.md does not define are
// ignored, as it requires. The error wraps ErrVersion for an unknown version of the
// format and ErrCorrupt for everything else.
func ParseManifest(data []byte) (*Manifest, error) {
	m, err := parseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("weights: %w: manifest: %w", ErrCorrupt, err)
	}
	if !m.known() {
		return nil, fmt.Errorf("weights: %w: manifest: version must be 1 to %d (got %d)", ErrVersion, Version, m.Version)
	}
	return m, nil
}

// parseManifest stops after the member version if that is unknown.
func parseManifest(data []byte) (*Manifest, error) {
	if len(data) > MaxManifest {
		return nil, fmt.Errorf("must be at most %d bytes (got %d)", MaxManifest, len(data))
	}
	members, err := parse(data)
	if err != nil {
		return nil, err
	}
	m := &Manifest{Config: members["config"], Card: members["card"]}
	if m.Format, err = textMember(members, "format"); err != nil {
		return nil, err
	}
	if m.Format != Format {
		return nil, fmt.Errorf("format must be %q (got %q)", Format, minijson.Clip(m.Format))
	}
	if m.Version, err = integerMember(members, "version", 1<<31-1); err != nil || !m.known() {
		return m, err
	}
	if m.Version >= summed || members["sha256"] != nil {
		if m.SHA256, err = checkSum(data, members["sha256"]); err != nil {
			return nil, err
		}
	}
	if m.Name, err = textMember(members, "name"); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	if members["shards"] == nil {
		return nil, fmt.Errorf("shards, an array, is missing")
	}
	shards, err := array(members["shards"], MaxShards)
	if err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	if len(shards) < 1 || len(shards) > MaxShards {
		return nil, fmt.Errorf("must have 1 to %d shards (got %d)", MaxShards, len(shards))
	}
	seen := map[string]bool{}
	for i, v := range shards {
		s, err := parseShard(v)
		if err != nil {
			return nil, fmt.Errorf("shards[%d]: %w", i, err)
		}
		if seen[s.File] {
			return nil, fmt.Errorf("shards[%d]: file %q is listed twice", i, s.File)
		}
		seen[s.File] = true
		m.Shards = append(m.Shards, s)
	}
	return m, nil
}

// known reports whether this package supports the manifest's version.
func (m *Manifest) known() bool { return m.Version >= 1 && m.Version <= Version }

// check checks the members that a caller of Write sets.
func (m *Manifest) check() error {
	if err := checkName(m.Name); err != nil {
		return err
	}
	if err := checkObject(m.Config); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if m.Card == nil {
		return nil
	}
	if err := checkObject(m.Card); err != nil {
		return fmt.Errorf("card: %w", err)
	}
	return nil
}

func parseShard(v minijson.RawMessage) (Shard, error) {
	var s Shard
	members, err := object(v, maxMembers)
	if err != nil {
		return s, err
	}
	if s.File, err = textMember(members, "file"); err != nil {
		return s, err
	}
	if err := checkFile(s.File); err != nil {
		return s, err
	}
	if s.Bytes, err = integerMember(members, "bytes", MaxShard); err != nil {
		return s, err
	}
	if s.RawBytes, err = integerMember(members, "raw_bytes", MaxShard); err != nil {
		return s, err
	}
	if s.SHA256, err = textMember(members, "sha256"); err != nil {
		return s, err
	}
	if err := checkDigits(s.SHA256); err != nil {
		return s, fmt.Errorf("sha256 %w", err)
	}
	return s, nil
}

// checkFile reports a shard's name with other characters than FORMAT.md allows: it
// could lead out of the model's folder, or mean something else in a URL or a shell.
func checkFile(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("file name must be at most %d bytes (got %d)", MaxName, len(name))
	}
	stem, ok := strings.CutSuffix(name, ShardSuffix)
	if !ok || !plain(stem) {
		return fmt.Errorf("file %q must consist of letters, digits, '.', '_' and '-', begin with a letter or digit and end in %q", name, ShardSuffix)
	}
	return nil
}

// plain reports whether s consists of ASCII letters, digits, '.', '_' and '-', and
// begins with a letter or digit.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return s != ""
}

// checkObject reports a JSON value that is not an object or is nested too deeply.
func checkObject(v minijson.RawMessage) error {
	if v == nil {
		return fmt.Errorf("is missing: it must be a JSON object")
	}
	v, err := minijson.Parse(v)
	if err != nil {
		return err
	}
	if _, err := object(v, maxMembers); err != nil {
		return err
	}
	if n := minijson.Depth(v); n > maxDepth {
		return fmt.Errorf("is nested %d deep, more than %d", n, maxDepth)
	}
	return nil
}

func textMember(members map[string]minijson.RawMessage, name string) (string, error) {
	if members[name] == nil {
		return "", fmt.Errorf("%s, a string, is missing", name)
	}
	s, err := text(members[name])
	if err != nil {
		return "", fmt.Errorf("%s %w", name, err)
	}
	return s, nil
}

func integerMember(members map[string]minijson.RawMessage, name string, limit int) (int, error) {
	if members[name] == nil {
		return 0, fmt.Errorf("%s, a whole number, is missing", name)
	}
	n, err := integer(members[name], limit)
	if err != nil {
		return 0, fmt.Errorf("%s %w", name, err)
	}
	return n, nil
}
