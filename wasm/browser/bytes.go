//go:build js && wasm

package main

import (
	"encoding/binary"
	"math"
	"syscall/js"

	"tweedie/core/engine"
)

var uint8Array = js.Global().Get("Uint8Array")

// bytesOf returns a copy of a Uint8Array or Uint8ClampedArray.
func bytesOf(v js.Value) []byte {
	out := make([]byte, v.Length())
	js.CopyBytesToGo(out, v)
	return out
}

// jsBytes returns a copy of b as a Uint8Array with a buffer of its own.
func jsBytes(b []byte) js.Value {
	out := uint8Array.New(len(b))
	js.CopyBytesToJS(out, b)
	return out
}

// floatsOf decodes little-endian float32 values.
func floatsOf(v js.Value) []float32 {
	b := bytesOf(v)
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// jsFloats encodes float32 values as little-endian bytes.
func jsFloats(x []float32) js.Value {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return jsBytes(b)
}

// labelsOf decodes little-endian int32 values. It returns nil for null.
func labelsOf(v js.Value) []int {
	if v.IsNull() {
		return nil
	}
	b := bytesOf(v)
	out := make([]int, len(b)/4)
	for i := range out {
		out[i] = int(int32(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return out
}

// jsLabels encodes labels as little-endian int32 values. It returns null for nil.
func jsLabels(y []int) js.Value {
	if y == nil {
		return js.Null()
	}
	var b []byte
	for _, v := range y {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return jsBytes(b)
}

// pictureOf converts an object {data, height, width, channels}, copying its data.
func pictureOf(v js.Value) engine.Picture {
	return engine.Picture{
		Height: v.Get("height").Int(), Width: v.Get("width").Int(), Channels: v.Get("channels").Int(),
		Data: bytesOf(v.Get("data")),
	}
}
