package importer

import (
	"encoding/json"
	"fmt"

	"tweedie/core/diffusion"
	"tweedie/core/sampler"
)

// shiftedBy reads the shift of a scheduler of rectified flow, under one of two names, and where it
// depends on the size of the image.
func (p *process) shiftedBy(members map[string]json.RawMessage) error {
	shift, kind, dynamic := 0.0, "exponential", false
	by := diffusion.DynamicShift{BaseShift: 0.5, MaxShift: 1.15, BaseLength: 256, MaxLength: 4096} // diffusers' defaults
	err := read(members, map[string]any{
		"use_dynamic_shifting": &dynamic, "time_shift_type": &kind, "base_shift": &by.BaseShift, "max_shift": &by.MaxShift,
		"base_image_seq_len": &by.BaseLength, "max_image_seq_len": &by.MaxLength,
	})
	for _, name := range []string{"flow_shift", "shift"} {
		if err == nil && given(members, name) {
			err = read(members, map[string]any{name: &shift})
		}
	}
	d := &p.sampling
	switch {
	case err != nil:
		return err
	case dynamic && (kind != "exponential" && kind != "linear" || !(by.BaseLength > 0 && by.MaxLength > by.BaseLength)):
		return fmt.Errorf("use_dynamic_shifting must have time_shift_type exponential or linear and rising lengths base_image_seq_len and max_image_seq_len (got %q, %g and %g)", kind, by.BaseLength, by.MaxLength)
	case dynamic:
		by.Linear = kind == "linear"
		d.Schedule, d.ShiftBySize = sampler.KindFlow, &by
		p.note("noise levels are shifted by the size of the image, %g at %g tokens to %g at %g, a token for 2x2 pixels of the network's input, as by its scheduler", by.BaseShift, by.BaseLength, by.MaxShift, by.MaxLength)
	case shift == 0 || shift == 1:
	case !(shift > 0 && shift <= diffusion.MaxFlowShift):
		return fmt.Errorf("shift must be a number above 0 and at most %d (got %g)", diffusion.MaxFlowShift, shift)
	default:
		d.Schedule, d.Shift = sampler.KindFlow, shift
		p.note("noise levels are shifted by %g, as by its scheduler", shift)
	}
	return nil
}
