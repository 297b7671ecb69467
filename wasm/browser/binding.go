//go:build js && wasm

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"syscall/js"
	"time"

	"tweedie/core/engine"
	"tweedie/core/minijson"
	"tweedie/core/model"
	"tweedie/core/settings"
	"tweedie/weights"
)

// slice is the target duration of one evaluation of the network. A cancel waits for at
// most one and a half slices, well within the 50 ms after which Go must yield.
const slice = 25 * time.Millisecond

// compact is the number of parameters from which weights stay quantized in memory and are
// dequantized during each evaluation. As float32, packed and transformed, they would take
// 100 MB.
const compact = 8 << 20

// large is the number of bytes of weights from which the garbage collector runs more
// often, because the memory of a wasm program never shrinks.
const large = 16 << 20

// binding is the state of the program: a model and at most one running call.
type binding struct {
	engine *engine.Engine
	cancel context.CancelFunc // of the running call, nil if there is none
	loop   *eventLoop

	group   *tensorParallel // the last group that this worker joined
	replies chan reply      // from the helper of the running call
}

func newBinding() *binding { return &binding{loop: newEventLoop()} }

// method is a function that JavaScript calls, with its arguments except done.
type method func(ctx context.Context, args []js.Value) (any, error)

// methods returns the JavaScript functions by name, except those of likelihoodMethods. They
// are created once and never released, because they live as long as the program.
func (b *binding) methods() map[string]js.Func {
	return map[string]js.Func{
		"load":          b.bind(b.load, false),
		"setClassifier": b.bind(b.setClassifier, false),
		"check":         b.bind(b.check, false),
		"digest":        b.bind(b.digest, false),
		"fitPicture":    b.bind(b.fitPicture, false),
		"sample":        b.bind(b.sample, true),
		"inpaint":       b.bind(b.inpaint, true),
		"forward":       b.bind(b.forward, true),
		"join":          b.bind(b.join, false),
		"follow":        b.bind(b.follow, true),
		"replied":       js.FuncOf(b.replied),
		"cancel": js.FuncOf(func(js.Value, []js.Value) any {
			if b.cancel != nil {
				b.cancel()
			}
			return nil
		}),
	}
}

// bind returns f as a JavaScript function whose last argument is done. If long is set, the
// function returns at once, and f runs in a goroutine, yields to the event loop and can be
// cancelled. Only one such call runs at a time.
func (b *binding) bind(f method, long bool) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		last := len(args) - 1
		args, done := args[:last], args[last]
		if !long {
			answer(done, func() (any, error) { return f(context.Background(), args) })
			return nil
		}
		if b.cancel != nil {
			answer(done, func() (any, error) { return nil, errors.New("browser: another call is running") })
			return nil
		}
		ctx, cancel := context.WithCancel(context.Background())
		b.cancel = cancel
		go answer(done, func() (any, error) {
			defer func() { cancel(); b.cancel = nil }()
			return f(ctx, args)
		})
		return nil
	})
}

// answer calls done with the results of f. A panic of f is a bug of the program. It becomes
// an error, so that the page gets a message and not a stack trace.
func answer(done js.Value, f func() (any, error)) {
	value, err := recovered(f)
	if err != nil {
		done.Invoke(err.Error(), nil, errors.Is(err, context.Canceled), fieldOf(err))
		return
	}
	done.Invoke(nil, value, false)
}

// fieldOf returns {field, got, want} for an error that names a setting, else null.
func fieldOf(err error) any {
	field, ok := errors.AsType[*settings.FieldError](err)
	if !ok {
		return nil
	}
	return map[string]any{"field": field.Field, "got": field.Got, "want": field.Want}
}

// recovered calls f and returns a panic as an error.
func recovered(f func() (any, error)) (value any, err error) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case errBroken:
			value, err = nil, errBroken
		default:
			value, err = nil, fmt.Errorf("browser: internal error: %v", r)
		}
	}()
	return f()
}

// load(manifest, shards, sums) opens a model and returns {info, traffic}. traffic is the
// most bytes that a tensor-parallel group exchanges at once. sums are the SHA-256 sums of
// the shards, or null to compute them here.
func (b *binding) load(_ context.Context, args []js.Value) (any, error) {
	file, err := decode(args)
	if err != nil {
		return nil, err
	}
	b.engine, err = engine.Open(file, engine.Options{Slice: slice, Yield: b.loop.yield, Workers: 1, Compact: compact})
	if err != nil {
		return nil, err
	}
	info, err := jsonOf(b.engine.Info())
	return map[string]any{"info": info, "traffic": 4 * b.engine.Traffic()}, err
}

// setClassifier(manifest, shards, sums) sets the classifier for classifier guidance of
// later calls.
func (b *binding) setClassifier(_ context.Context, args []js.Value) (any, error) {
	e, err := b.model()
	if err != nil {
		return nil, err
	}
	file, err := decode(args)
	if err != nil {
		return nil, err
	}
	m, err := model.Open(file)
	if err == nil {
		err = e.SetClassifier(m)
	}
	if err == nil && b.group != nil {
		err = b.group.engine.SetClassifier(m)
	}
	return nil, err
}

// decode parses a manifest and decodes its shards one at a time.
func decode(args []js.Value) (*weights.File, error) {
	m, err := weights.ParseManifest([]byte(args[0].String()))
	if err != nil {
		return nil, err
	}
	shards, sums := args[1], args[2]
	if shards.Length() != len(m.Shards) {
		return nil, fmt.Errorf("browser: the manifest has %d shards (got %d)", len(m.Shards), shards.Length())
	}
	if m.RawBytes() > large {
		debug.SetGCPercent(20)
	}
	return m.DecodeFrom(func(i int) ([]byte, [sha256.Size]byte) {
		data := bytesOf(shards.Index(i))
		if sums.IsNull() {
			return data, sha256.Sum256(data)
		}
		return data, [sha256.Size]byte(bytesOf(sums.Index(i)))
	})
}

// model returns the engine, or an error before load.
func (b *binding) model() (*engine.Engine, error) {
	if b.engine == nil {
		return nil, errors.New("browser: no model is loaded: call load first")
	}
	return b.engine, nil
}

// check(request, inpaint) returns the plan of a request.
func (b *binding) check(_ context.Context, args []js.Value) (any, error) {
	e, r, err := b.request(args[0])
	if err != nil {
		return nil, err
	}
	plan, err := e.Check(r, args[1].Bool())
	if err != nil {
		return nil, err
	}
	return jsonOf(plan)
}

// request returns the engine and the parsed request.
func (b *binding) request(v js.Value) (*engine.Engine, engine.Request, error) {
	e, err := b.model()
	if err != nil {
		return nil, engine.Request{}, err
	}
	r, err := engine.ParseRequest([]byte(v.String()))
	return e, r, err
}

// digest(pixels) returns the SHA-256 of the pixels.
func (b *binding) digest(_ context.Context, args []js.Value) (any, error) {
	return engine.Digest(bytesOf(args[0])), nil
}

// sample(request, hooks, share) returns {pixels, nfe}. For share, see sharing.
func (b *binding) sample(ctx context.Context, args []js.Value) (any, error) {
	_, r, err := b.request(args[0])
	if err != nil {
		return nil, err
	}
	return b.sharing(args[2], func(e *engine.Engine) (any, error) {
		return images(e.Sample(ctx, r, frames(args[1])))
	})
}

// inpaint(request, image, mask, hooks, share) returns {pixels, nfe}.
func (b *binding) inpaint(ctx context.Context, args []js.Value) (any, error) {
	_, r, err := b.request(args[0])
	if err != nil {
		return nil, err
	}
	return b.sharing(args[4], func(e *engine.Engine) (any, error) {
		return images(e.Inpaint(ctx, r, pictureOf(args[1]), pictureOf(args[2]), frames(args[3])))
	})
}

// forward(x, t, y, share) evaluates the network. x and t are the bytes of float32 values,
// y those of int32 values or null. It returns the bytes of float32 values.
func (b *binding) forward(ctx context.Context, args []js.Value) (any, error) {
	return b.sharing(args[3], func(e *engine.Engine) (any, error) {
		out, err := e.Forward(ctx, floatsOf(args[0]), floatsOf(args[1]), labelsOf(args[2]))
		if err != nil {
			return nil, err
		}
		return jsFloats(out), nil
	})
}

// images converts a result to {pixels, nfe}.
func images(r engine.Result, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]any{"pixels": jsBytes(r.Pixels), "nfe": r.Plan.NFE}, nil
}

// frames returns a callback that calls hooks.step(step, steps) for every frame and, if
// that returns true, hooks.pixels(bytes) with the denoised images.
func frames(hooks js.Value) func(engine.Frame) {
	return func(f engine.Frame) {
		if !hooks.Call("step", f.Step, f.Steps).Bool() {
			return
		}
		if pixels, err := engine.Pixels(f.Denoised); err == nil { // an error ends the run too, which reports it
			hooks.Call("pixels", jsBytes(pixels))
		}
	}
}

// jsonOf returns v as a JSON string.
func jsonOf(v any) (any, error) {
	text, err := minijson.Marshal(v)
	return string(text), err
}
