package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// decodeStrict decodes a single JSON value. Unknown keys and trailing data are errors.
func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("unexpected data after the configuration")
	}
	return nil
}
