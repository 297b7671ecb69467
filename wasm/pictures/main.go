//go:build js && wasm

// Command pictures is the program that decodes a visitor's picture file in a worker of the
// page, with package picturefile: the same pixels as natively, in every browser. The page
// fetches it with the first file. site/lib/worker.js starts it as it starts wasm/browser.
package main

import (
	"fmt"
	"image"
	"syscall/js"

	"tweedie/core/picture"
	"tweedie/core/picturefile"
)

// build is the id of the build that this program belongs to, as in wasm/browser.
var build = "dev"

func main() {
	api := js.Global().Get("Object").New()
	api.Set("build", build)
	api.Set("decodePicture", js.FuncOf(func(_ js.Value, args []js.Value) any {
		pixels, size, err := decode(args[0])
		if err != nil {
			args[1].Invoke(err.Error(), nil, false)
		} else {
			args[1].Invoke(nil, map[string]any{"data": pixels, "width": size.X, "height": size.Y}, false)
		}
		return nil
	}))
	js.Global().Call("tweedie", api)
	select {}
}

// decode decodes the bytes of a file, a Uint8Array, to RGBA bytes [H,W,4], whose colours are
// not multiplied by alpha. A panic becomes an error.
func decode(file js.Value) (pixels js.Value, size image.Point, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("pictures: internal error: %v", r)
		}
	}()
	data := make([]byte, file.Length())
	js.CopyBytesToGo(data, file)
	img, err := picturefile.DecodeBytes(data)
	if err != nil {
		return js.Value{}, image.Point{}, err
	}
	p := picture.FromImage(img)
	pixels = js.Global().Get("Uint8ClampedArray").New(len(p.Pix))
	js.CopyBytesToJS(pixels, p.Pix)
	return pixels, image.Pt(p.Width, p.Height), nil
}
