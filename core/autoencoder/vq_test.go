package autoencoder_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"tweedie/core/autoencoder"
	"tweedie/core/tensor"
	"tweedie/weights"
	"tweedie/weights/npy"
)

// codes returns the code book of the file of testdata.
func codes(t *testing.T) *tensor.Tensor {
	t.Helper()
	data, err := os.ReadFile("testdata/vq/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	stored, _, err := weights.ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range stored {
		if v.Name == "quantize.embedding.weight" {
			numbers, err := v.Float32()
			if err != nil {
				t.Fatal(err)
			}
			return tensor.Of(numbers, v.Shape...)
		}
	}
	t.Fatal("the file has no code book")
	return nil
}

// TestVQParity compares with diffusers' VQModel.
func TestVQParity(t *testing.T) {
	const dir = "testdata/vq"
	c, x := configOf(t, dir, &autoencoder.VQ{}), array(t, dir, "x")
	encoder, err := c.Encoder(x.Shape[1], x.Shape[2])
	if err != nil {
		t.Fatal(err)
	}
	z := run(t, encoder, params(t, dir, encoder), x)
	near(t, "latents", z, array(t, dir, "latents"))
	book := codes(t)
	quantized, index, err := autoencoder.Quantize(z, book)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "quantized latents", quantized, array(t, dir, "quantized"))
	stored, err := npy.Read(dir + "/indices.npy")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range stored.Data.([]int64) {
		if index[i] != int(want) {
			t.Fatalf("index %d is %d, want %d", i, index[i], want)
		}
	}
	decoder, err := c.Decoder(z.Shape[1], z.Shape[2])
	if err != nil {
		t.Fatal(err)
	}
	p := params(t, dir, decoder)
	near(t, "decoded picture", run(t, decoder, p, quantized), array(t, dir, "out"))
	near(t, "decoded picture of latents that are not quantized", run(t, decoder, p, z), array(t, dir, "out_not_quantized"))
	if book.Shape[0] != c.Codes || book.Shape[1] != c.Width() {
		t.Errorf("the code book is %v for %d codes of %d", book.Shape, c.Codes, c.Width())
	}
}

// TestQuantize: each of the latents becomes its nearest entry, entries become themselves, and of
// two as near the first counts.
func TestQuantize(t *testing.T) {
	book := tensor.Of([]float32{0, 0, 2, 0, 0, 2, 0, 0}, 4, 2)
	z := tensor.Of([]float32{0.9, 0.1, 1, 0, 0, 1.1, 2, 0}, 1, 2, 2, 2)
	quantized, index, err := autoencoder.Quantize(z, book)
	if err != nil || !slices.Equal(index, []int{0, 0, 2, 1}) || !slices.Equal(quantized.Data, []float32{0, 0, 0, 0, 0, 2, 2, 0}) {
		t.Errorf("got %v, %v, %v", index, quantized.Data, err)
	}
	if _, _, err := autoencoder.Quantize(tensor.New(1, 2, 2, 3), book); err == nil {
		t.Error("latents of another width are quantized")
	}
}

// TestTinyParity compares with diffusers' AutoencoderTiny.
func TestTinyParity(t *testing.T) {
	const dir = "testdata/tiny"
	c, x, z := configOf(t, dir, &autoencoder.Tiny{}), array(t, dir, "x"), array(t, dir, "z")
	encoder, err := c.Encoder(x.Shape[1], x.Shape[2])
	if err != nil {
		t.Fatal(err)
	}
	latents := array(t, dir, "latents")
	near(t, "latents", run(t, encoder, params(t, dir, encoder), x), latents)
	decoder, err := c.Decoder(z.Shape[1], z.Shape[2])
	if err != nil {
		t.Fatal(err)
	}
	near(t, "decoded picture", run(t, decoder, params(t, dir, decoder), z), array(t, dir, "out"))
	stored, back := tensor.New(latents.Shape...), tensor.New(latents.Shape...)
	for i, v := range latents.Data {
		stored.Data[i] = c.Stored(v)
		back.Data[i] = c.Latent(stored.Data[i])
	}
	near(t, "stored latents", stored, array(t, dir, "latents_scaled"))
	near(t, "latents from stored ones", back, array(t, dir, "latents_unscaled"))
}

func TestOthersRefuse(t *testing.T) {
	vq := configOf(t, "testdata/vq", &autoencoder.VQ{})
	vq.Codes = 0
	if _, err := vq.Encoder(16, 16); !errors.Is(err, autoencoder.ErrConfig) || !strings.Contains(err.Error(), "num_vq_embeddings must be from 1") {
		t.Errorf("no codes: %v", err)
	}
	tiny := configOf(t, "testdata/tiny", &autoencoder.Tiny{})
	tiny.DecoderBlocks = tiny.DecoderBlocks[1:]
	if _, err := tiny.Decoder(2, 2); !errors.Is(err, autoencoder.ErrConfig) || !strings.Contains(err.Error(), "must have 4 levels") {
		t.Errorf("a level is missing: %v", err)
	}
	tiny = configOf(t, "testdata/tiny", &autoencoder.Tiny{})
	if _, err := tiny.Encoder(12, 8); err == nil || !strings.Contains(err.Error(), "multiples of 8") {
		t.Errorf("12 rows: %v", err)
	}
	tiny.EncoderChannels[1] = 1 << 20
	if _, err := tiny.Encoder(8, 8); err == nil || !strings.Contains(err.Error(), "encoder_block_out_channels[1]") {
		t.Errorf("a million channels: %v", err)
	}
}
