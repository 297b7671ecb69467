package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// strict reads one JSON value with no unknown keys and nothing behind it.
func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the configuration")
	}
	return nil
}
