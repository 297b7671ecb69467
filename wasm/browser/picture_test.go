//go:build !js

package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/picture"
	"tweedie/core/picturefile"
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

// pictureFiles returns picture files of many kinds: with gamma and colour spaces, 16 bits,
// palettes with alpha, interlaced, and a large JPEG.
func pictureFiles(t *testing.T) map[string][]byte {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, pattern := range []string{"src/image/png/testdata/pngsuite/*.png", "src/image/testdata/*.gif", "src/image/testdata/*.jpeg"} {
		paths, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), pattern))
		if err != nil || len(paths) < 3 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			if all[filepath.Base(path)], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	large := image.NewRGBA(image.Rect(0, 0, 1200, 900))
	for i := range large.Pix {
		large.Pix[i] = uint8(i / 7 * (i%4 + 3))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, large, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	all["large.jpeg"] = bytes.Clone(b.Bytes())
	b.Reset()
	if err := png.Encode(&b, large.SubImage(image.Rect(0, 0, 9, 7))); err != nil {
		t.Fatal(err)
	}
	const header = 8 + 25 // the signature and IHDR
	for name, data := range map[string][]byte{"gAMA": {0, 1, 0x86, 0xa0}, "cICP": {12, 13, 0, 1}} {
		chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), name...)
		chunk = append(chunk, data...)
		chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
		all[name+".png"] = slices.Concat(b.Bytes()[:header], chunk, b.Bytes()[header:])
	}
	all["broken.png"] = b.Bytes()[:header+5]
	return all
}

// TestPictureFilesSameBytes checks that the module decodes and fits files exactly as natively,
// without the browser's decoder and without a canvas.
func TestPictureFilesSameBytes(t *testing.T) {
	p := open(t)
	f := newModel(t, "colour", colour)
	f.put(p.site, "colour")
	files := pictureFiles(t)
	for name, data := range files {
		p.site.put("/picture/"+name, data)
	}
	names := slices.Sorted(maps.Keys(files))
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	p.run(t, &got, `
		globalThis.createImageBitmap = CanvasRenderingContext2D.prototype.getImageData = HTMLCanvasElement.prototype.toBlob = () => { throw new Error('a canvas') }
		const model = await load('/models/colour.json', { workers: 1 })
		const out = {}
		for (const name of %s) {
			const blob = await (await fetch('/picture/' + name)).blob()
			try {
				const { image } = await model.fitPicture(blob, { background: 'auto', fit: 'pad' })
				out[name] = btoa(String.fromCharCode(...image.data.filter((_, i) => i %% 4 !== 3)))
			} catch (error) {
				out[name] = 'error: ' + error.message
			}
		}
		model.close()
		return out`, list)
	for _, name := range names {
		img, err := picturefile.DecodeBytes(files[name])
		if err != nil {
			if got[name] != "error: "+err.Error() {
				t.Errorf("%s: got %.80q, want the error %v", name, got[name], err)
			}
			continue
		}
		want, err := picture.FitImage(img, f.engine.Info().Shape, picture.Options{Background: picture.BackgroundAuto, Fit: picture.Pad})
		if err != nil {
			t.Fatal(err)
		}
		if got[name] != base64.StdEncoding.EncodeToString(want.Pix) {
			t.Errorf("%s: other pixels than natively: %.80s", name, got[name])
		}
	}
}

// TestSlowPicture checks that a picture that takes long to read does not replace one that was
// opened later.
func TestSlowPicture(t *testing.T) {
	p := openPage(t, newModel(t, "colour", colour), "colour", "#mode=inpaint&class=red&variations=1&sampler=euler&steps=2&guidance=1.5&seed=5")
	var b bytes.Buffer
	small := image.NewGray(image.Rect(0, 0, 30, 15))
	small.SetGray(14, 7, color.Gray{255})
	if err := png.Encode(&b, small); err != nil {
		t.Fatal(err)
	}
	p.site.put("/small.png", b.Bytes())
	var got []string
	p.run(t, &got, settled+`
		const small = await (await fetch('/small.png')).blob()
		let release
		const slow = new Promise((resolve) => { release = resolve })
		const read = Blob.prototype.arrayBuffer
		Blob.prototype.arrayBuffer = async function () {
			if (this.name === 'slow.png') await slow
			return read.call(this)
		}
		const choose = async (name) => {
			const transfer = new DataTransfer()
			transfer.items.add(new File([small], name, { type: 'image/png' }))
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
