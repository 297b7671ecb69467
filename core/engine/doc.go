// Package engine turns a request into pictures: it is what the page's worker,
// the edge and the native tool have in common, and it knows nothing of any of
// them. It imports neither os nor syscall/js.
//
// A Request is plain data that travels as JSON. An Engine holds one model and
// answers Sample, Inpaint and Forward; a result depends on the request and the
// model alone. It does not depend on how many images were asked for at once, on
// how a batch was split (Request.First), on the size of the chunks in which the
// network was evaluated, nor on the machine.
//
// Pictures leave as bytes [N,H,W,C]; Pixels says how a pixel becomes a byte.
// Arrays of the raw network (Forward) are [N,C,H,W], as other programs write them.
package engine
