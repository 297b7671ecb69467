package trainrun

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"tweedie/weights"
)

// cardFile is what the model card says besides the facts of the training. People may edit it: to
// add a licence, for example.
const cardFile = "card.json"

// lossSteps is how many steps the loss on a card is averaged over.
const lossSteps = 100

// readCard reads the card of a run that continues. One that is missing is empty.
func (r *run) readCard() error {
	path := filepath.Join(r.Dir, cardFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		r.Card = nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	r.Card = nil
	if err := json.Unmarshal(text, &r.Card); err != nil {
		return fmt.Errorf("trainrun: %s: must be a JSON object: %w", path, err)
	}
	r.before, _ = r.Card["hours"].(float64)
	return nil
}

// writeCard writes the card with the hours of training so far.
func (r *run) writeCard() error {
	if r.Card == nil {
		r.Card = map[string]any{}
	}
	hours := r.before
	if !r.clock.began.IsZero() {
		hours += time.Since(r.clock.began).Hours()
	}
	r.Card["hours"] = hours
	text, err := json.MarshalIndent(r.Card, "", "  ")
	if err != nil {
		return fmt.Errorf("trainrun: card: %w", err)
	}
	return weights.WriteAtomic(filepath.Join(r.Dir, cardFile), append(text, '\n'))
}

// fullCard returns the card of the model: that of the run, with the facts of its training.
func (r *run) fullCard() ([]byte, error) {
	card := map[string]any{}
	for key, v := range r.Card {
		card[key] = v
	}
	if hours, ok := card["hours"].(float64); ok {
		card["hours"] = math.Round(10*hours) / 10
	}
	losses := r.trainer.Losses()
	last := losses[max(0, len(losses)-lossSteps):]
	sum := 0.0
	for _, l := range last {
		sum += float64(l) / float64(len(last))
	}
	done := r.trainer.Done()
	card["pictures"], card["data_fingerprint"] = r.Data.N, r.trainer.DataFingerprint()
	card["steps"], card["images"] = done, done*r.Config.Batch
	if len(last) > 0 {
		card["loss"] = rounded(sum)
	}
	if n := len(r.judged); n > 0 && r.judged[n-1].step == done {
		card["held_out_loss"], card["training_loss"] = rounded(r.judged[n-1].heldOut), rounded(r.judged[n-1].trained)
	}
	text, err := json.Marshal(card)
	if err != nil {
		return nil, fmt.Errorf("trainrun: card: %w", err)
	}
	return text, nil
}

// rounded returns v to four digits.
func rounded(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-3)
	return math.Round(v/unit) * unit
}
