package graph_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"tweedie/core/graph"
	tweedie "tweedie/core/minijson"
	"tweedie/core/unet"
)

// serialized returns a U-Net as text.
func serialized(t testing.TB) []byte {
	t.Helper()
	net, err := unet.Build(&unet.Config{
		SampleSize: unet.Square(8), InChannels: 1, OutChannels: 1, BlockOutChannels: []int{8, 16}, LayersPerBlock: 1, NormNumGroups: 4, NormEps: 1e-5,
		DownBlockTypes: []string{"DownBlock2D", "AttnDownBlock2D"}, UpBlockTypes: []string{"AttnUpBlock2D", "UpBlock2D"}, Patch: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := graph.Serialize(net.Program, net.Out)
	if err != nil {
		t.Fatal(err)
	}
	text, err := tweedie.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func program(text []byte) (*graph.Program, graph.Value, error) {
	l := &graph.Serialized{}
	if err := tweedie.Unmarshal(text, l); err != nil {
		return nil, 0, err
	}
	return l.Program()
}

// A serialized program has the same operations and shapes, and serializes to the same
// text.
func TestSerialize(t *testing.T) {
	text := serialized(t)
	p, out, err := program(text)
	if err != nil {
		t.Fatal(err)
	}
	l, err := graph.Serialize(p, out)
	if err != nil {
		t.Fatal(err)
	}
	again, err := tweedie.Marshal(l)
	if err != nil || string(again) != string(text) {
		t.Errorf("%v: the listing of the listed program differs", err)
	}
	if len(p.Nodes) != len(l.Ops) || p.Size(out) != 64 {
		t.Errorf("%d operations, output of %d numbers", len(p.Nodes), p.Size(out))
	}
}

// Every error is named, and the size of programs is limited.
func TestSerializedErrors(t *testing.T) {
	const io = `{"inputs": [{"name": "x", "shape": [4,4,2]}], "params": [{"name": "w", "shape": [2,2]}, {"name": "b", "shape": [2]}], "ops": [%s], "out": %d}`
	for _, c := range []struct {
		op, text string
		out      int
	}{
		{`{"op": "exec", "in": [0]}`, `operation 0, "exec": unknown operation`, 3},
		{`{"op": "embedding", "in": [0]}`, `unknown operation`, 3},
		{`{"op": "silu", "in": [3]}`, "inputs must be among the 3 earlier values (got 3)", 3},
		{`{"op": "silu", "in": [-1]}`, "earlier values (got -1)", 3},
		{`{"op": "silu", "in": []}`, "got 0 values", 3},
		{`{"op": "silu", "in": [1]}`, "got 0 values and 1 parameters", 3},
		{`{"op": "add", "in": [0, 0, 0]}`, "must be two of one shape", 3},
		{`{"op": "linear", "in": [0, 0, 0]}`, "1 to 2 parameters (got 3 values and 0 parameters)", 3},
		{`{"op": "linear", "in": [1, 0, 2]}`, "parameters must come last", 3},
		{`{"op": "map", "in": [0], "set": {"Fn": "system"}}`, `function "system" is unknown`, 3},
		{`{"op": "map", "in": [0], "set": {"Fm": "exp"}}`, "an unknown name", 3},
		{`{"op": "map", "in": [0], "set": []}`, "got an array", 3},
		{`{"op": "reshape", "in": [0], "set": {"Shape": [4, 9]}}`, "must have the 32 elements", 3},
		{`{"op": "reshape", "in": [0], "set": {"Shape": [-4, -8]}}`, "must have the 32 elements", 3},
		{`{"op": "view", "in": [0], "set": {"Offset": 1, "Shape": [32], "Steps": [1]}}`, "got elements 1 to 32", 3},
		{`{"op": "view", "in": [0], "set": {"Offset": 3, "Shape": [3, 2], "Steps": [-2, 1]}}`, "got elements -1 to 4", 3},
		{`{"op": "view", "in": [0], "set": {"Shape": [9223372036854775807, 2], "Steps": [0, 0]}}`, "at most 8 axes", 3},
		{`{"op": "view", "in": [0], "set": {"Shape": [2], "Steps": [9223372036854775807]}}`, "must lie in the value", 3},
		{`{"op": "view", "in": [0], "set": {"Shape": [], "Steps": []}}`, "at most 8 axes", 3},
		{`{"op": "zip", "in": [0, 1], "set": {"Fn": "mul", "Shape": [32], "A": [1], "B": [1]}}`, "of shape [2 2] (got elements 0 to 31)", 3},
		{`{"op": "taps", "in": [0], "set": {"Axis": 0, "Count": 1, "Index": [4]}}`, "between -1 and 3 (got 4)", 3},
		{`{"op": "taps", "in": [0], "set": {"Axis": 0, "Count": 2, "Index": [1]}}`, "2 indices and weights for each element", 3},
		{`{"op": "taps", "in": [0], "set": {"Axis": 3, "Count": 1, "Index": [1]}}`, "one input with an axis 3", 3},
		{`{"op": "lookup", "in": [0, 1]}`, "must be one number and a table", 3},
		{`{"op": "sinusoid", "in": [0], "set": {"Width": 4}}`, "must be one number", 3},
		{`{"op": "average_pool", "in": [0], "set": {"Size": 1, "Stride": 1048576, "Before": 1048575}}`, "padded input", 3},
		{`{"op": "upsample", "in": [0]}`, "(got 9)", 9},
		{`{"op": "upsample", "in": [0]}`, "(got 1)", 1},
		{`{"op": "upsample", "in": [0]}` + strings.Repeat(`, {"op": "upsample", "in": [3]}`, 3), "", 4},
	} {
		_, _, err := program(fmt.Appendf(nil, io, c.op, c.out))
		if (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error is %v, want one with %q", c.op, err, c.text)
		}
	}
	doubled := `{"op": "upsample", "in": [0]}`
	for i := range 13 {
		doubled += fmt.Sprintf(`, {"op": "upsample", "in": [%d]}`, 3+i)
	}
	if _, _, err := program(fmt.Appendf(nil, io, doubled, 16)); err == nil || !strings.Contains(err.Error(), "elements") {
		t.Errorf("fourteen doublings: error is %v", err)
	}
}

// FuzzListing: any text gives a program of limited size, or an error.
func FuzzListing(f *testing.F) {
	f.Add(serialized(f))
	f.Add([]byte(`{"inputs": [{"name": "x", "shape": [4,4,2]}], "ops": [{"op": "view", "in": [0], "set": {"Offset": 3, "Shape": [3, 2], "Steps": [-2, 1]}}, {"op": "reduce", "in": [1], "set": {"Fn": "max"}}], "out": 1}`))
	f.Add([]byte(`{"inputs": [{"name": "x", "shape": [4,4,2]}], "params": [{"name": "w", "shape": [2, 2, 3, 3]}], "ops": [{"op": "conv", "in": [0, 1], "set": {"Size": 3, "Stride": 1, "Before": 1, "After": 1}}], "out": 2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, out, err := program(text)
		if err != nil {
			return
		}
		for _, n := range p.Nodes {
			if s := p.Size(n.Out); s <= 0 || s > graph.MaxValue {
				t.Fatalf("%T makes %d numbers", n.Op, s)
			}
		}
		l, err := graph.Serialize(p, out)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := l.Program()
		if err != nil || !reflect.DeepEqual(again.Nodes, p.Nodes) {
			t.Fatalf("listed again: %v", err)
		}
		if !json.Valid(text) {
			t.Fatal("accepted text that is no JSON")
		}
	})
}
