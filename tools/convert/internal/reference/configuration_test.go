package main

import (
	"reflect"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/core/train"
	"tweedie/core/unet"
)

// The reference has every key that the JSON decoder knows.
func TestConfiguration(t *testing.T) {
	text, err := configuration("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	for title, of := range map[string]any{
		"The run": train.Config{}, "model": model.Config{}, "model.defaults": model.Defaults{}, "model.unet": unet.Config{},
		"model.ncsn": unet.NCSN{}, "model.schedule": diffusion.Schedule{}, "model.process": diffusion.Spec{},
	} {
		_, section, ok := strings.Cut(text, "\n## "+title+"\n")
		if !ok {
			t.Errorf("there is no section %s", title)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		fields := reflect.TypeOf(of)
		for i := range fields.NumField() {
			key, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
			if key != "" && key != "-" && !strings.Contains(section, "| `"+key+"` |") {
				t.Errorf("section %s has no key %s", title, key)
			}
		}
	}
	if _, err := fields("../../../../core/train/config.go", "Nothing"); err == nil {
		t.Error("a structure that does not exist: got no error")
	}
}
