package weights

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
)

// encode returns the manifest as indented JSON, since people read it too, and sets its
// SHA256 where its version has one.
func (m *Manifest) encode() ([]byte, error) {
	var buf bytes.Buffer
	e := jsonWriter{to: jsontext.NewEncoder(&buf, jsontext.WithIndent("  "))}
	e.token(jsontext.BeginObject)
	e.name("format").token(jsontext.String(m.Format))
	e.name("version").token(jsontext.Int(int64(m.Version)))
	if m.Version >= summed {
		e.name("sha256").token(jsontext.String(zeros))
	}
	e.name("name").token(jsontext.String(m.Name))
	e.name("config").value(m.Config)
	if m.Card != nil {
		e.name("card").value(m.Card)
	}
	e.name("shards").token(jsontext.BeginArray)
	for _, s := range m.Shards {
		e.token(jsontext.BeginObject)
		e.name("file").token(jsontext.String(s.File))
		e.name("bytes").token(jsontext.Int(int64(s.Bytes)))
		e.name("sha256").token(jsontext.String(s.SHA256))
		e.name("raw_bytes").token(jsontext.Int(int64(s.RawBytes)))
		e.token(jsontext.EndObject)
	}
	e.token(jsontext.EndArray)
	e.token(jsontext.EndObject)
	if e.err != nil {
		return nil, fmt.Errorf("weights: manifest: %w", e.err)
	}
	if buf.Len() > MaxManifest {
		return nil, fmt.Errorf("weights: manifest must be at most %d bytes (got %d): shorten its card or config", MaxManifest, buf.Len())
	}
	if m.Version < summed {
		return buf.Bytes(), nil
	}
	m.SHA256 = sumOf(buf.Bytes(), zeros)
	return bytes.Replace(buf.Bytes(), []byte(zeros), []byte(m.SHA256), 1), nil
}
