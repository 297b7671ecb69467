package trainrun

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"tweedie/weights"
)

// judged is the loss on held-out pictures and on as many training pictures after a step.
type judged struct {
	step             int
	heldOut, trained float64
}

// The files of losses for other programs.
const (
	lossFile    = "loss.csv"
	heldOutFile = "heldout.csv"
)

// memorises says by how much the held-out loss must have risen above its lowest, twice in a row,
// to be a sign of overfitting, as a fraction.
const memorises = 0.02

// judge records the losses of the model on held-out pictures, if there are any, and
// warns when they rise.
func (r *run) judge(ctx context.Context) error {
	if r.trainer.HeldOut() == 0 {
		return nil
	}
	j, err := r.trainer.Judge(ctx)
	if err != nil {
		return err
	}
	step := r.trainer.Done()
	r.judged = slices.DeleteFunc(r.judged, func(j judged) bool { return j.step >= step })
	r.judged = append(r.judged, judged{step, j.HeldOut, j.Trained})
	r.Log("step %d: loss %.4f on %d held-out pictures, %.4f on training pictures", step, j.HeldOut, r.trainer.HeldOut(), j.Trained)
	if lowest, rising := overfits(r.judged); rising {
		r.Log("the held-out loss has risen since step %d (%.4f): the model memorises its training pictures; more pictures, --augment or a smaller --arch help", lowest.step, lowest.heldOut)
	}
	return r.writeJudged()
}

// overfits returns the lowest held-out loss, and whether the last two lie clearly above it
// and above the loss on training pictures.
func overfits(all []judged) (lowest judged, rising bool) {
	for i, j := range all {
		if i == 0 || j.heldOut < lowest.heldOut {
			lowest = j
		}
	}
	if len(all) < 3 {
		return lowest, false
	}
	for _, j := range all[len(all)-2:] {
		if j.heldOut < lowest.heldOut*(1+memorises) || j.heldOut < j.trained*(1+memorises) {
			return lowest, false
		}
	}
	return lowest, true
}

// writeJudged writes the losses of held-out pictures as CSV.
func (r *run) writeJudged() error {
	rows := [][]string{{"step", "held_out_loss", "training_loss"}}
	for _, j := range r.judged {
		rows = append(rows, []string{strconv.Itoa(j.step), number(j.heldOut), number(j.trained)})
	}
	return r.writeCSV(heldOutFile, rows)
}

// readJudged reads what a process before this one has judged. A file that is no such list
// counts as empty.
func (r *run) readJudged() error {
	text, err := os.ReadFile(filepath.Join(r.Dir, heldOutFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("trainrun: %w", err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil
	}
	for _, row := range rows[1:] {
		step, err := strconv.Atoi(row[0])
		heldOut, err2 := strconv.ParseFloat(row[1], 64)
		trained, err3 := strconv.ParseFloat(row[2], 64)
		if errors.Join(err, err2, err3) == nil && step <= r.trainer.Done() {
			r.judged = append(r.judged, judged{step, heldOut, trained})
		}
	}
	return nil
}

// writeLosses writes the training loss of every step as CSV.
func (r *run) writeLosses() error {
	rows := [][]string{{"step", "loss"}}
	for i, l := range r.trainer.Losses() {
		rows = append(rows, []string{strconv.Itoa(i + 1), strconv.FormatFloat(float64(l), 'g', -1, 32)})
	}
	return r.writeCSV(lossFile, rows)
}

func (r *run) writeCSV(name string, rows [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.WriteAll(rows)
	return weights.WriteAtomic(filepath.Join(r.Dir, name), b.Bytes())
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }
