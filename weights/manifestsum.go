package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"tweedie/core/minijson"
)

// zeros stands for the digits of a manifest's own SHA-256 while it is computed.
var zeros = strings.Repeat("0", 2*sha256.Size)

// checkSum returns the SHA-256 that a manifest states of itself, as its member of that name,
// and an error unless it is that of its bytes.
func checkSum(manifest []byte, member minijson.RawMessage) (string, error) {
	if member == nil {
		return "", fmt.Errorf("sha256 is missing: it must be the SHA-256 of the manifest")
	}
	stated, err := text(member)
	if err == nil {
		err = checkDigits(stated)
	}
	if err != nil {
		return "", fmt.Errorf("sha256 %w", err)
	}
	if sum := sumOf(manifest, stated); sum != stated {
		return "", fmt.Errorf("it was damaged or edited: its sha256 is %s, its bytes have %s; tweedie convert --title, --card and others change a model", stated, sum)
	}
	return stated, nil
}

// sumOf returns the SHA-256 of a manifest, without the white space around it and with zeros
// for the first occurrence of digits. In an intact manifest that is the member sha256, which
// precedes config, card and shards.
func sumOf(manifest []byte, digits string) string {
	sum := sha256.Sum256(bytes.Replace(bytes.Trim(manifest, " \t\r\n"), []byte(digits), []byte(zeros), 1))
	return hex.EncodeToString(sum[:])
}

// checkDigits returns an error unless s is a SHA-256 as it is written in a manifest.
func checkDigits(s string) error {
	if sum, err := hex.DecodeString(s); err != nil || len(sum) != sha256.Size || hex.EncodeToString(sum) != s {
		return fmt.Errorf("is %q, want 64 lower-case hexadecimal digits", minijson.Clip(s))
	}
	return nil
}
