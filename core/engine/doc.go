// Package engine turns a request into images. The page's workers, the HTTP API, the
// command line and the library all use it. It imports neither os nor syscall/js.
//
// A Request is plain data that travels as JSON; Request.Values describes each of its
// settings, and a value that cannot be used is a *settings.FieldError. An Engine holds
// one model and answers Sample, Inpaint, Likelihood and Forward. A result depends on the
// request and the model alone: not on the number of images of the request, nor on how a
// batch was split (Request.First), nor on the size of the chunks in which the network
// was evaluated, nor on the machine.
//
// Images are bytes [N,H,W,C]; Pixels defines how a number becomes a byte. Arrays of the
// bare network (Forward) are [N,C,H,W], as other programs write them.
package engine
