//go:build !js

package main_test

import (
	"bytes"
	"strings"
	"testing"

	"tweedie/core/picture"
)

// TestFitPictureSameBytes checks that the module fits a picture exactly as package picture does natively.
func TestFitPictureSameBytes(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	var got struct {
		Crop, Pad, Same []byte
		Inverted        bool
		Error           string
	}
	p.run(t, &got, `
		const model = await load('/models/colour.json', { workers: 1 })
		const image = new ImageData(13, 21)
		image.data.forEach((_, i) => { image.data[i] = i %% 4 === 3 ? 255 : (i * 37) %% 256 })
		const text = ({ data }) => btoa(String.fromCharCode(...data.filter((_, i) => i %% 4 !== 3)))
		const crop = await model.fitPicture(image), pad = await model.fitPicture(image, { fit: 'pad', invert: 'yes' })
		const same = await model.fitPicture(crop.image)
		const error = await words(model.fitPicture(image, { fit: 'stretch' }))
		model.close()
		return { crop: text(crop.image), pad: text(pad.image), inverted: pad.inverted && !crop.inverted, same: text(same.image), error }`)
	pix := make([]byte, 13*21*4)
	for i := range pix {
		if pix[i] = byte(i * 37); i%4 == 3 {
			pix[i] = 255
		}
	}
	for _, c := range []struct {
		name    string
		options picture.Options
		got     []byte
	}{
		{"crop", picture.Options{}, got.Crop},
		{"pad", picture.Options{Fit: picture.Pad, Invert: picture.InvertYes}, got.Pad},
		{"a picture of the model's size", picture.Options{}, got.Same},
	} {
		want, err := picture.Fit(picture.RGBA{Width: 13, Height: 21, Pix: pix}, f.engine.Info().Shape, c.options)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.got, want.Pix) {
			t.Errorf("%s: got %v, want %v", c.name, c.got, want.Pix)
		}
	}
	if !got.Inverted || !strings.Contains(got.Error, `fit must be "crop" or "pad" (got "stretch")`) {
		t.Errorf("got %+v", got)
	}
}

// TestSlowPicture checks that a picture that takes long to decode does not replace one that was
// opened later.
func TestSlowPicture(t *testing.T) {
	p := openPage(t, newModel(t, "colour", colour), "colour", "#mode=inpaint&class=red&variations=1&sampler=euler&steps=2&guidance=1.5&seed=5")
	var got []string
	p.run(t, &got, settled+`
		const decode = createImageBitmap
		let release, slow = new Promise((resolve) => { release = resolve })
		globalThis.createImageBitmap = async (...args) => {
			const wait = slow
			slow = undefined
			await wait
			return decode(...args)
		}
		const choose = async (name) => {
			const canvas = document.createElement('canvas')
			const blob = await new Promise((resolve) => canvas.toBlob(resolve))
			const transfer = new DataTransfer()
			transfer.items.add(new File([blob], name, { type: 'image/png' }))
			$('file').files = transfer.files
			$('file').dispatchEvent(new Event('change'))
		}
		const facts = () => $('source-facts').textContent
		await choose('slow.png')
		await choose('fast.png')
		while (!facts()) await new Promise((resolve) => setTimeout(resolve, 20))
		const first = facts()
		release()
		await new Promise((resolve) => setTimeout(resolve, 300))
		$('fit').value = 'pad'
		$('fit').dispatchEvent(new Event('change'))
		await new Promise((resolve) => setTimeout(resolve, 300))
		return [first, facts(), $('error-text').textContent]`)
	for _, facts := range got[:2] {
		if !strings.Contains(facts, "fast.png") {
			t.Errorf("opened %q, want fast.png", facts)
		}
	}
	if got[2] != "" {
		t.Errorf("error %q", got[2])
	}
}
