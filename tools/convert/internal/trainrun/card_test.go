package trainrun

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"tweedie/weights"
)

// The card of a model has what it was trained on and how, and what people add to the card of the
// run.
func TestCard(t *testing.T) {
	dir := t.TempDir()
	o := endless(t, dir)
	o.Card = map[string]any{"title": "Stripes", "data": "stripes"}
	mustRun(t, o)
	card := map[string]any{}
	read := func() {
		t.Helper()
		f, err := weights.Open(filepath.Join(dir, "model.json"))
		if err != nil {
			t.Fatal(err)
		}
		clear(card)
		if err := json.Unmarshal(f.Manifest.Card, &card); err != nil {
			t.Fatal(err)
		}
	}
	read()
	for key, want := range map[string]any{"title": "Stripes", "data": "stripes", "pictures": 20.0, "steps": 120.0, "images": 960.0} {
		if card[key] != want {
			t.Errorf("%s: got %v, want %v", key, card[key], want)
		}
	}
	for _, key := range []string{"loss", "held_out_loss", "training_loss", "data_fingerprint", "hours"} {
		if card[key] == nil {
			t.Errorf("the card has no %s: %v", key, card)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, cardFile), []byte(`{"title": "Bars", "licence": "CC0-1.0", "hours": 2}`), 0o666); err != nil {
		t.Fatal(err)
	}
	o = again(t, dir)
	o.Steps = 130
	mustRun(t, o)
	read()
	if hours, _ := card["hours"].(float64); card["title"] != "Bars" || card["licence"] != "CC0-1.0" || card["steps"] != 130.0 || hours < 2 {
		t.Errorf("after an edit: got %v", card)
	}
}
