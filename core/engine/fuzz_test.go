package engine

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzParseRequest: no text makes it panic, and what it accepts is valid and
// stays the same through JSON.
func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"n":3,"seed":"18446744073709551615","class":[0,"none"],"sampler":"heun","steps":5,"eta":0,"guidance":1.5,"resample":2,"jump":3}`))
	f.Add([]byte(`{"class":3,"schedule":"trailing","first":7}`))
	f.Add([]byte(`{"class":"\u0000","seed":9007199254740993}`))
	f.Add([]byte(`{"rho":1e999,"sigma_min":-0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRequest(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRequest(text)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%s\ngives %+v\nthen  %+v, %v", text, r, again, err)
		}
		e := New(testInfo(), newGaussian(), Options{})
		if plan, err := e.Check(r, true); err == nil && (plan.NFE < 1 || len(plan.sigmas) != *plan.Steps+1) {
			t.Errorf("%s: plan of %d evaluations along %d levels", text, plan.NFE, len(plan.sigmas))
		}
	})
}
