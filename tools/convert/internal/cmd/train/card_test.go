package train

import (
	"strings"
	"testing"
)

// The command on a card has the flags that change the model, and no folder of the machine.
func TestCommand(t *testing.T) {
	cmd := newTrain()
	if err := cmd.ParseFlags(strings.Fields("-o /home/someone/runs/x --size 32x48 --time 3h --init ../models/old.json --json --title T --name n")); err != nil {
		t.Fatal(err)
	}
	if got, want := command(cmd, "/home/someone/my pictures/"), "train 'my pictures' --init old.json --size 32x48 --time 3h0m0s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := base("."); got == "." || strings.Contains(got, "/") {
		t.Errorf("the folder itself: got %q", got)
	}
}
