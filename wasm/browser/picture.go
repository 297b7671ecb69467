//go:build js && wasm

package main

import (
	"context"
	"fmt"
	"syscall/js"

	"tweedie/core/minijson"
	"tweedie/core/picture"
)

// fitPicture(picture, options) fits a picture of RGBA bytes to the model with picture.Fit
// and returns {pixels, inverted}. options are picture.Options as JSON.
func (b *binding) fitPicture(_ context.Context, args []js.Value) (any, error) {
	e, err := b.model()
	if err != nil {
		return nil, err
	}
	var o picture.Options
	if err := minijson.UnmarshalStrict([]byte(args[1].String()), &o); err != nil {
		return nil, fmt.Errorf("browser: options of fitPicture: %w", err)
	}
	p := pictureOf(args[0])
	fitted, err := picture.Fit(picture.RGBA{Width: p.Width, Height: p.Height, Pix: p.Data}, e.Info().Shape, o)
	if err != nil {
		return nil, err
	}
	return map[string]any{"pixels": jsBytes(fitted.Pix), "inverted": fitted.Inverted}, nil
}
