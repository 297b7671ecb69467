package autodiff

import (
	"math"
	"slices"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/kernel"
	"tweedie/core/nn"
	"tweedie/core/unet"
)

// refGeneral computes the operations of generalBackward in float64; it reports whether op is
// one of them.
func refGeneral(op graph.Op, y []float64, in [][]float64, shapes [][]int) bool {
	switch op := op.(type) {
	case graph.Unary:
		for i, v := range in[0] {
			y[i] = refUnary(op, v)
		}
	case graph.Binary:
		positions(op.Shape, 0, op.A, op.B, func(at, i, j int) { y[at] = refBinary(op.Fn, in[0][i], in[1][j]) })
	case graph.Modulate:
		c := shapes[0][2]
		for i, v := range in[0] {
			y[i] = (1+in[1][i%c])*v + in[1][c+i%c]
		}
	case graph.Fourier:
		for i, w := range in[1] {
			y[i], y[len(in[1])+i] = math.Sincos(in[0][0] * w)
		}
	case graph.Lookup:
		copy(y, in[1][int(min(max(in[0][0], 0), float64(shapes[1][0]-1)))*len(y):])
	case graph.Reshape, graph.Constant:
		copy(y, in[0])
	case graph.View:
		positions(op.Shape, op.Offset, op.Steps, nil, func(at, i, _ int) { y[at] = in[0][i] })
	case graph.Taps:
		inner := shapes[0][2] // of axis 1
		for i := range y {
			row, column, c := i/inner/(len(op.Index)/op.Count), i/inner%(len(op.Index)/op.Count), i%inner
			for k := range op.Count {
				if from := op.Index[column*op.Count+k]; from >= 0 {
					y[i] += float64(op.Weight[column*op.Count+k]) * in[0][(row*shapes[0][1]+from)*inner+c]
				}
			}
		}
	case graph.LayerNorm:
		refNorm(graph.GroupNorm{Groups: 1, Eps: op.Eps}, y, in, []int{1, 1, len(in[1])})
	default:
		return refRows(op, y, in, shapes)
	}
	return true
}

func refRows(op graph.Op, y []float64, in [][]float64, shapes [][]int) bool {
	width := shapes[0][len(shapes[0])-1]
	switch op := op.(type) {
	case graph.Softmax:
		for at := 0; at < len(y); at += width {
			sum := 0.0
			for i := at; i < at+width; i++ {
				y[i] = math.Exp(in[0][i])
				sum += y[i]
			}
			for i := at; i < at+width; i++ {
				y[i] /= sum
			}
		}
	case graph.Reduce:
		for i := range y {
			row := in[0][i*width : (i+1)*width]
			y[i] = map[string]func() float64{
				"sum": func() (v float64) {
					for _, x := range row {
						v += x
					}
					return v
				},
				"prod": func() float64 {
					v := 1.0
					for _, x := range row {
						v *= x
					}
					return v
				},
				"mean": func() (v float64) {
					for _, x := range row {
						v += x / float64(width)
					}
					return v
				},
				"max": func() float64 { return slices.Max(row) }, "min": func() float64 { return slices.Min(row) },
			}[op.Fn]()
		}
	case graph.MatMul:
		rows, columns := shapes[0][1], shapes[1][2]
		for i := range y {
			b, m, c := i/columns/rows, i/columns%rows, i%columns
			for k := range width {
				y[i] += in[0][(b*rows+m)*width+k] * in[1][(b*width+k)*columns+c]
			}
		}
	default:
		return false
	}
	return true
}

func refUnary(op graph.Unary, x float64) float64 {
	a, b := float64(op.A), float64(op.B)
	return map[string]func() float64{
		"abs": func() float64 { return math.Abs(x) }, "reciprocal": func() float64 { return 1 / x }, "square": func() float64 { return x * x },
		"sqrt": func() float64 { return math.Sqrt(x) }, "pow": func() float64 { return math.Pow(x, a) }, "exp": func() float64 { return math.Exp(x) },
		"log": func() float64 { return math.Log(x) }, "sin": func() float64 { return math.Sin(x) }, "cos": func() float64 { return math.Cos(x) },
		"tanh": func() float64 { return math.Tanh(x) }, "erf": func() float64 { return math.Erf(x) }, "sigmoid": func() float64 { return 1 / (1 + math.Exp(-x)) },
		"gelu":       func() float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 },
		"elu":        func() float64 { return max(x, 0) + a*math.Expm1(min(x, 0)) },
		"leaky_relu": func() float64 { return max(x, 0) + a*min(x, 0) }, "softplus": func() float64 { return math.Log1p(math.Exp(x)) },
		"mish": func() float64 { return x * math.Tanh(math.Log1p(math.Exp(x))) }, "relu": func() float64 { return max(x, 0) },
		"clip": func() float64 { return min(max(x, a), b) }, "floor": func() float64 { return math.Floor(x) }, "ceil": func() float64 { return math.Ceil(x) },
		"round": func() float64 { return math.RoundToEven(x) }, "trunc": func() float64 { return math.Trunc(x) }, "sign": func() float64 { return sign(x) },
	}[op.Fn]()
}

func refBinary(name string, a, b float64) float64 {
	return map[string]func() float64{
		"add": func() float64 { return a + b }, "sub": func() float64 { return a - b }, "mul": func() float64 { return a * b }, "div": func() float64 { return a / b },
		"pow": func() float64 { return math.Pow(a, b) }, "max": func() float64 { return max(a, b) }, "min": func() float64 { return min(a, b) },
		"equal": func() float64 { return truth(a == b) }, "less": func() float64 { return truth(a < b) }, "where": func() float64 { return truth(a != 0) * b },
	}[name]()
}

// positive maps values to numbers above 0.5.
func positive(p *graph.Program, x graph.Value) graph.Value {
	return p.Apply(graph.Affine{Scale: 1, Shift: 0.5}, p.Apply(graph.Unary{Fn: "exp"}, x))
}

// generalCases are programs of the operations that ordinary U-Nets use rarely.
func generalCases() map[string]func(p *graph.Program) graph.Value {
	cases := map[string]func(p *graph.Program) graph.Value{
		"modulate": func(p *graph.Program) graph.Value {
			return p.Apply(graph.Modulate{}, lead(p, 3, 2, 5), nn.Linear(p, "e", p.Input("e", 4), 10))
		},
		"modulate of an input": func(p *graph.Program) graph.Value {
			return p.Apply(graph.Modulate{}, p.Input("x", 3, 2, 5), nn.Linear(p, "e", p.Input("e", 4), 10))
		},
		"concat with an input": func(p *graph.Program) graph.Value {
			x := p.Input("x", 3, 2, 5)
			return p.Apply(graph.Concat{}, x, nn.Conv1(p, "a", x, 3))
		},
		"Fourier": func(p *graph.Program) graph.Value {
			t := p.Apply(graph.Affine{Scale: 0.5}, nn.Linear(p, "a", p.Input("x", 3), 1))
			return nn.Linear(p, "b", p.Apply(graph.Fourier{}, t, p.Param("w", graph.Init{}, 6)), 3)
		},
		"lookup": func(p *graph.Program) graph.Value {
			return p.Apply(graph.Lookup{}, p.Input("class", 1), p.Param("table", graph.Init{}, 4, 6))
		},
		"constant and reshape": func(p *graph.Program) graph.Value {
			x := p.Apply(graph.Constant{}, p.Param("c", graph.Init{}, 6))
			return p.Apply(graph.Add{}, p.Apply(graph.Reshape{Shape: []int{2, 3}}, x), nn.Linear(p, "a", p.Input("x", 2, 3), 3))
		},
		"view": func(p *graph.Program) graph.Value {
			return p.Apply(graph.View{Offset: 11, Shape: []int{2, 3, 2}, Steps: []int{0, -4, 1}}, lead(p, 2, 3, 4))
		},
		"taps": func(p *graph.Program) graph.Value {
			return p.Apply(graph.Taps{Axis: 1, Count: 2, Index: []int{0, 1, -1, 3, 3, 3}, Weight: []float32{1, 2, 3, 4, 5, 6}}, lead(p, 2, 4, 3))
		},
		"layer norm": func(p *graph.Program) graph.Value {
			return p.Apply(graph.LayerNorm{Eps: 1e-5}, nn.Linear(p, "a", p.Input("x", 7), 7), p.Param("g", graph.Init{}, 7), p.Param("b", graph.Init{}, 7))
		},
		"layer norm of an input": func(p *graph.Program) graph.Value {
			return p.Apply(graph.LayerNorm{Eps: 1e-5}, p.Input("x", 7), p.Param("g", graph.Init{}, 7), p.Param("b", graph.Init{}, 7))
		},
		"softmax": func(p *graph.Program) graph.Value { return p.Apply(graph.Softmax{}, lead(p, 2, 3, 5)) },
		"matmul": func(p *graph.Program) graph.Value {
			return p.Apply(graph.MatMul{}, lead(p, 2, 3, 4), p.Apply(graph.Reshape{Shape: []int{2, 4, 2}}, nn.Linear(p, "b", p.Input("e", 4), 16)))
		},
	}
	for _, name := range []string{"sum", "mean", "max", "min", "prod"} {
		cases["reduce "+name] = func(p *graph.Program) graph.Value { return p.Apply(graph.Reduce{Fn: name}, lead(p, 2, 3, 5)) }
	}
	for _, f := range kernel.Unary {
		cases["unary "+f.Name] = func(p *graph.Program) graph.Value {
			x := lead(p, 2, 2, 3)
			if slices.Contains([]string{"sqrt", "log", "pow", "reciprocal"}, f.Name) {
				x = positive(p, x)
			}
			a, b := float32(0.7), float32(0)
			if f.Name == "clip" {
				a, b = -0.5, 0.5
			}
			return p.Apply(graph.Unary{Fn: f.Name, A: a, B: b}, x)
		}
	}
	for _, f := range kernel.Binary {
		cases["binary "+f.Name] = func(p *graph.Program) graph.Value {
			x, y := lead(p, 2, 2, 3), nn.Linear(p, "y", p.Input("e", 4), 3)
			if f.Name == "pow" || f.Name == "div" {
				x, y = positive(p, x), positive(p, y)
			}
			return p.Apply(graph.Binary{Fn: f.Name, Shape: []int{2, 2, 3}, A: []int{6, 3, 1}, B: []int{0, 0, 1}}, x, y)
		}
	}
	cases["binary with a parameter"] = func(p *graph.Program) graph.Value {
		return p.Apply(graph.Binary{Fn: "mul", Shape: []int{2, 2, 3}, A: []int{6, 3, 1}, B: []int{0, 0, 1}}, lead(p, 2, 2, 3), p.Param("w", graph.Init{}, 3))
	}
	return cases
}

func TestGeneralGradients(t *testing.T) {
	for name, build := range generalCases() {
		t.Run(name, func(t *testing.T) { checkGradient(t, probes, build) })
	}
}

// TestBlockGradients checks the gradients of networks that together have every block and
// every option of unet.Config.
func TestBlockGradients(t *testing.T) {
	base := unet.Config{
		SampleSize: unet.Size{H: 4, W: 2}, InChannels: 1, OutChannels: 1, BlockOutChannels: []int{8, 12}, LayersPerBlock: 1,
		DownBlockTypes: []string{"DownBlock2D", "AttnDownBlock2D"}, UpBlockTypes: []string{"AttnUpBlock2D", "UpBlock2D"},
		NormNumGroups: 4, NormEps: 1e-5, FlipSinToCos: true, NumClassEmbeds: new(5),
	}
	for name, change := range map[string]func(c *unet.Config){
		"scale and shift": func(c *unet.Config) { c.ResnetTimeScale = "scale_shift" },
		"resnet resampling": func(c *unet.Config) {
			c.DownsampleType, c.UpsampleType, c.ResampleShortcut = "resnet", "resnet", true
		},
		"mixed resampling": func(c *unet.Config) {
			c.DownsampleTypes, c.UpsampleTypes = []string{"resnet"}, []string{"conv"}
		},
		"NCSN++": func(c *unet.Config) {
			c.DownsampleType, c.UpsampleType, c.ResampleShortcut, c.FIR, c.SkipScale = "resnet", "resnet", true, true, 0.7071
			c.TimeEmbeddingType, c.TimeIsSigma, c.ProgressiveInput, c.ProgressiveOutput = "fourier", true, "residual", "output_skip"
		},
		"input skip":       func(c *unet.Config) { c.ProgressiveInput = "input_skip" },
		"learned times":    func(c *unet.Config) { c.TimeEmbeddingType, c.NumTrainTimesteps = "learned", new(5) },
		"class like time":  func(c *unet.Config) { c.ClassEmbedType = new("timestep") },
		"class first":      func(c *unet.Config) { c.ClassFirst = true },
		"gelu":             func(c *unet.Config) { c.ActFn = "gelu" },
		"mish":             func(c *unet.Config) { c.ActFn = "mish" },
		"relu":             func(c *unet.Config) { c.ActFn = "relu" },
		"no middle":        func(c *unet.Config) { c.NoMidBlock = true },
		"no attention":     func(c *unet.Config) { c.AddAttention = new(false) },
		"bare attention":   func(c *unet.Config) { c.BareMidAttention = true },
		"centered, scaled": func(c *unet.Config) { c.CenterInputSample, c.MidBlockScale, c.DownsamplePadding = true, 1.5, 1 },
		"heads":            func(c *unet.Config) { c.AttentionHeadDim = new(5) },
		"skips": func(c *unet.Config) {
			c.DownBlockTypes, c.UpBlockTypes = []string{"SkipDownBlock2D", "AttnDownBlock2D"}, []string{"UpBlock2D", "AttnSkipUpBlock2D"}
			c.BlockOutChannels = []int{32, 32}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := base
			change(&c)
			checkGradient(t, 20, func(p *graph.Program) graph.Value {
				net, err := unet.Build(&c)
				if err != nil {
					t.Fatal(err)
				}
				*p = *net.Program
				return net.Out
			})
		})
	}
}
