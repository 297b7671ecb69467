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

// slice is the aim for one evaluation of the network. A cancel waits for one and
// a half at most, well within the 50 ms after which Go must yield.
const slice = 25 * time.Millisecond

// compact is the size of network from which memory is dearer than the time that
// codes take to become numbers: float32, packed and transformed, it would be 100 MB.
const compact = 8 << 20

// large is the size of weights from which garbage is collected early: the memory of
// a wasm program never shrinks.
const large = 16 << 20

// binding is the state behind the calls: a model, and at most one call that runs.
type binding struct {
	engine *engine.Engine
	cancel context.CancelFunc // of the call that runs, nil when none does
	turn   *turn

	team    *team      // the last that this worker was in
	replies chan reply // of the helper of the call that runs
}

func newBinding() *binding { return &binding{turn: newTurn()} }

// call is a method of the engine behind its JavaScript arguments, without done.
type call func(ctx context.Context, args []js.Value) (any, error)

// funcs returns the methods by name, without likelihoodMethods. They live as long as the program, which
// owns them: there is nothing to release before the worker ends, and no call
// makes further ones.
func (b *binding) funcs() map[string]js.Func {
	return map[string]js.Func{
		"load":          b.bind(b.load, false),
		"setClassifier": b.bind(b.classify, false),
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

// bind returns f as a JavaScript function whose last argument is done. If long,
// it returns at once, yields while it runs and can be cancelled; only one such
// call runs at a time.
func (b *binding) bind(f call, long bool) js.Func {
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

// answer calls done with what f returns. A panic of f becomes an error: it is a
// bug of the program, but the page gets a sentence and not a trace.
func answer(done js.Value, f func() (any, error)) {
	value, err := recovered(f)
	if err != nil {
		done.Invoke(err.Error(), nil, errors.Is(err, context.Canceled), fieldOf(err))
		return
	}
	done.Invoke(nil, value, false)
}

// fieldOf returns {field, got, want} of an error that names a setting, else null.
func fieldOf(err error) any {
	field, ok := errors.AsType[*settings.FieldError](err)
	if !ok {
		return nil
	}
	return map[string]any{"field": field.Field, "got": field.Got, "want": field.Want}
}

func recovered(f func() (any, error)) (value any, err error) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case errTeam:
			value, err = nil, errTeam
		default:
			value, err = nil, fmt.Errorf("browser: internal error: %v", r)
		}
	}()
	return f()
}

// load(manifest, shards, sums) reads a model and returns {info, traffic}: traffic
// is the most bytes that a team exchanges at once. sums are the SHA-256 of the
// shards, or null where they are still to be computed.
func (b *binding) load(_ context.Context, args []js.Value) (any, error) {
	file, err := decode(args)
	if err != nil {
		return nil, err
	}
	b.engine, err = engine.Open(file, engine.Options{Slice: slice, Yield: b.turn.yield, Workers: 1, Compact: compact})
	if err != nil {
		return nil, err
	}
	info, err := jsonOf(b.engine.Info())
	return map[string]any{"info": info, "traffic": 4 * b.engine.Traffic()}, err
}

// setClassifier(manifest, shards, sums) gives the model a classifier for guidance, for the
// calls that begin later.
func (b *binding) classify(_ context.Context, args []js.Value) (any, error) {
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
	if err == nil && b.team != nil {
		err = b.team.engine.SetClassifier(m)
	}
	return nil, err
}

// decode reads a manifest and its shards, one after the other.
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

// request reads a request for the model.
func (b *binding) request(v js.Value) (*engine.Engine, engine.Request, error) {
	e, err := b.model()
	if err != nil {
		return nil, engine.Request{}, err
	}
	r, err := engine.ParseRequest([]byte(v.String()))
	return e, r, err
}

// digest(pixels) returns their SHA-256.
func (b *binding) digest(_ context.Context, args []js.Value) (any, error) {
	return engine.Digest(bytesOf(args[0])), nil
}

// sample(request, hooks, with) returns {pixels, nfe}. For with, see its method.
func (b *binding) sample(ctx context.Context, args []js.Value) (any, error) {
	_, r, err := b.request(args[0])
	if err != nil {
		return nil, err
	}
	return b.with(args[2], func(e *engine.Engine) (any, error) {
		return images(e.Sample(ctx, r, frames(args[1])))
	})
}

// inpaint(request, image, mask, hooks, with) returns {pixels, nfe}.
func (b *binding) inpaint(ctx context.Context, args []js.Value) (any, error) {
	_, r, err := b.request(args[0])
	if err != nil {
		return nil, err
	}
	return b.with(args[4], func(e *engine.Engine) (any, error) {
		return images(e.Inpaint(ctx, r, pictureOf(args[1]), pictureOf(args[2]), frames(args[3])))
	})
}

// forward(x, t, y, with) takes the bytes of float32, float32 and int32 numbers, y
// or null, and returns those of float32 numbers.
func (b *binding) forward(ctx context.Context, args []js.Value) (any, error) {
	return b.with(args[3], func(e *engine.Engine) (any, error) {
		out, err := e.Forward(ctx, floatsOf(args[0]), floatsOf(args[1]), labelsOf(args[2]))
		if err != nil {
			return nil, err
		}
		return jsFloats(out), nil
	})
}

// images returns a result as JavaScript has it.
func images(r engine.Result, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]any{"pixels": jsBytes(r.Pixels), "nfe": r.Plan.NFE}, nil
}

// frames returns a listener that tells hooks.step(step, steps) of every frame and
// gives hooks.pixels(bytes) the images if that returned true.
func frames(hooks js.Value) func(engine.Frame) {
	return func(f engine.Frame) {
		if !hooks.Call("step", f.Step, f.Steps).Bool() {
			return
		}
		if pixels, err := engine.Pixels(f.Denoised); err == nil { // else the run ends in that error
			hooks.Call("pixels", jsBytes(pixels))
		}
	}
}

func jsonOf(v any) (any, error) {
	text, err := minijson.Marshal(v)
	return string(text), err
}
