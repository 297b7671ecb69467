package eval

import (
	"context"
	"math"
	"slices"
	"testing"
)

// TestHoldOut wants every picture in one of the two parts, and always the same.
func TestHoldOut(t *testing.T) {
	set := bars(70, 1)
	rest, held, err := HoldOut(set)
	if err != nil {
		t.Fatal(err)
	}
	if held.N != 10 || rest.N != 60 || len(held.Labels) != 10 || len(rest.Images) != 60*64 {
		t.Errorf("got %d held and %d left of 70, want 10 and 60", held.N, rest.N)
	}
	count := map[string]int{}
	for _, s := range []*Set{set, rest, held} {
		for p := range slices.Chunk(s.Images, 64) {
			count[string(p)]++
		}
	}
	for _, n := range count {
		if n != 2 {
			t.Fatal("a picture is in both parts or in none")
		}
	}
	_, again, _ := HoldOut(set)
	if !slices.Equal(held.Images, again.Images) {
		t.Error("two divisions differ")
	}
	if _, _, err := HoldOut(bars(20, 1)); err == nil {
		t.Error("divided 20 pictures")
	}
}

// TestJudge wants real pictures near the floor, and pictures of one class, asked
// for as either, far from it.
func TestJudge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	set, held := bars(300, 1), bars(200, 2)
	c := fitted(t, 12, 2)
	j, err := NewJudge(context.Background(), c, set, held, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	fresh := bars(100, 9)
	r, err := j.Judge(context.Background(), fresh.Images, fresh.Labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.N != 100 || r.Train != 300 || r.RealN != 100 || r.Draws != 2 || r.Asked != 100 || len(r.Classes) != 2 {
		t.Errorf("got %+v", r)
	}
	if !(r.Agreement >= 0.9) || !(r.Ratio > 0.5 && r.Ratio < 2) || !(math.Abs(r.Drawn.Precision-r.Real.Precision) <= 0.2) {
		t.Errorf("of real pictures: got %+v", r)
	}
	upright, class := &Set{}, make([]int, 100)
	for i := range 200 {
		if held.Labels[i] == 1 {
			upright.Images = append(upright.Images, held.Images[i*64:(i+1)*64]...)
		}
	}
	for i := range class {
		class[i] = i%3 - 1 // none, lying, upright
	}
	one, err := j.Judge(context.Background(), upright.Images, class, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !(one.Ratio > 5*r.Ratio) || !(one.Drawn.Recall < 0.7) || !(one.Drawn.Kernel > 10*math.Abs(r.Drawn.Kernel)) {
		t.Errorf("of one class: got %+v, of both %+v", one, r)
	}
	if one.Asked != 66 || !(one.Classes[0].Agreement <= 0.1 && one.Classes[1].Agreement >= 0.9) {
		t.Errorf("of one class: got %+v", one)
	}
	for _, bad := range [][]int{class[:99], append(class[:99:99], 2), append(class[:99:99], -2)} {
		if _, err := j.Judge(context.Background(), upright.Images, bad, nil); err == nil {
			t.Errorf("accepted classes %v", bad)
		}
	}
}
