package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// codeSection is the id of the section with the bodies of functions.
const codeSection = 10

// The opcodes that are used here. Those above 0xff follow the prefix 0xfd.
const (
	opI32Const   = 0x41
	opI64Const   = 0x42
	opLocalGet   = 0x20
	opF32Load    = 0x2a
	opI64Add     = 0x7c
	opWrap       = 0xa7 // i32.wrap_i64
	opV128Load   = 0xfd00
	opLoadSplat  = 0xfd09 // v128.load32_splat
	opV128Store  = 0xfd0b
	opF32x4Splat = 0xfd13
	opFirstLoad  = 0x28
	opFirstStore = 0x36
	opLastStore  = 0x3e
)

// maxOffset bounds the offsets that are written.
const maxOffset = 1 << 31

// instruction is an instruction of a body that is being written.
type instruction struct {
	op     uint32
	at     int    // its offset in the body
	number int64  // its operand: a constant, or the offset of a memory access
	align  uint64 // of a memory access
}

// loads and stores report whether an instruction reads or writes memory at an address with an
// offset.
func (in instruction) loads() bool {
	return in.op >= opFirstLoad && in.op < opFirstStore || in.op >= opV128Load && in.op < opV128Store
}
func (in instruction) stores() bool {
	return in.op >= opFirstStore && in.op <= opLastStore || in.op == opV128Store
}

// foldCode returns a code section with fewer instructions that do the same. The compiler folds
// the offset of a pointer only into accesses to integers, and has no load that broadcasts a
// number to a vector.
//
//	ptr i64.const n i64.add i32.wrap load m    ptr i32.wrap load m+n
//	f32.load f32x4.splat                       v128.load32_splat
//
// Stores of a local are treated like loads. The sums are those of a pointer and an offset in
// its object, so that they never overflow.
func foldCode(section []byte) ([]byte, error) {
	r := reader{rest: section}
	n := r.unsigned()
	out := binary.AppendUvarint(nil, n)
	for i := range n {
		body, err := foldBody(r.take(r.unsigned()))
		if r.err != nil {
			err = r.err
		}
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", i, err)
		}
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	if len(r.rest) > 0 {
		return nil, fmt.Errorf("code section has %d bytes after its last function", len(r.rest))
	}
	return out, nil
}

// foldBody does that for one function: its locals, then its instructions.
func foldBody(body []byte) ([]byte, error) {
	r := reader{rest: body}
	for n := r.unsigned(); n > 0 && r.err == nil; n-- {
		r.unsigned()
		r.byte()
	}
	w := writer{out: append(make([]byte, 0, len(body)), body[:len(body)-len(r.rest)]...)}
	for len(r.rest) > 0 && r.err == nil {
		from := r.rest
		in := r.instruction()
		w.write(in, from[:len(from)-len(r.rest)])
	}
	return w.out, r.err
}

// writer writes a body.
type writer struct {
	out  []byte
	done []instruction
}

// write appends an instruction, whose bytes are code, in its shortest form.
func (w *writer) write(in instruction, code []byte) {
	switch {
	case in.op == opF32x4Splat && w.is(1, opF32Load):
		load := w.done[len(w.done)-1]
		w.drop(1)
		w.access(instruction{op: opLoadSplat, number: load.number, align: load.align})
	case in.loads() && w.sum(0, &in), in.stores() && w.is(1, opLocalGet) && w.sum(1, &in):
		w.access(in)
	default:
		w.plain(in, code)
	}
}

// sum removes a constant from the sum that ends before the last k instructions and adds it to
// the offset of in. If there is none it changes nothing and returns false.
func (w *writer) sum(k int, in *instruction) bool {
	if !w.is(k+1, opWrap) || !w.is(k+2, opI64Add) || !w.is(k+3, opI64Const) {
		return false
	}
	at := len(w.done) - k
	offset := w.done[at-3].number + in.number
	if w.done[at-3].number < 0 || offset >= maxOffset {
		return false
	}
	last := slices.Clone(w.done[at:])
	code := bytes.Clone(w.out[w.done[at-1].at:]) // from the wrap on
	w.drop(k + 3)
	w.plain(instruction{op: opWrap}, code[:1])
	if k > 0 {
		w.plain(last[0], code[1:])
	}
	in.number = offset
	return true
}

// is reports whether the k-th instruction from the end is op.
func (w *writer) is(k int, op uint32) bool {
	return len(w.done) >= k && w.done[len(w.done)-k].op == op
}

// drop removes the last k instructions.
func (w *writer) drop(k int) {
	n := len(w.done) - k
	w.out, w.done = w.out[:w.done[n].at], w.done[:n]
}

// plain appends an instruction unchanged.
func (w *writer) plain(in instruction, code []byte) {
	in.at = len(w.out)
	w.out, w.done = append(w.out, code...), append(w.done, in)
}

// access appends a memory access.
func (w *writer) access(in instruction) {
	in.at = len(w.out)
	if in.op > 0xff {
		w.out = append(w.out, byte(in.op>>8))
	}
	w.out = binary.AppendUvarint(append(w.out, byte(in.op)), in.align)
	w.out, w.done = binary.AppendUvarint(w.out, uint64(in.number)), append(w.done, in)
}

// instruction reads an instruction.
func (r *reader) instruction() (in instruction) {
	in.op = uint32(r.byte())
	switch op := in.op; {
	case op == 0x02, op == 0x03, op == 0x04: // block, loop, if: a type
		r.signed()
	case op == 0x0c, op == 0x0d, op == 0x10, op >= opLocalGet && op <= 0x26: // an index
		in.number = int64(r.unsigned())
	case op == 0x0e: // br_table
		for n := r.unsigned(); n > 0 && r.err == nil; n-- {
			r.unsigned()
		}
		r.unsigned()
	case op == 0x11: // call_indirect
		r.unsigned()
		r.unsigned()
	case op >= opFirstLoad && op <= opLastStore:
		r.memory(&in)
	case op == 0x3f, op == 0x40: // memory.size, memory.grow
		r.byte()
	case op == opI32Const, op == opI64Const:
		in.number = r.signed()
	case op == 0x43:
		r.take(4)
	case op == 0x44:
		r.take(8)
	case op == 0xfc:
		r.bulk()
	case op == 0xfd:
		r.vector(&in)
	case op <= 0x01, op == 0x05, op == end, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4:
	default:
		if r.err == nil {
			r.err = fmt.Errorf("instruction %#x is not one that Go's compiler writes", op)
		}
	}
	return in
}

// memory reads the alignment and offset of a memory access.
func (r *reader) memory(in *instruction) {
	in.align = r.unsigned()
	in.number = int64(r.unsigned())
}

// bulk reads the rest of an instruction with the prefix 0xfc.
func (r *reader) bulk() {
	switch op := r.unsigned(); {
	case op <= 7: // saturating conversions
	case op == 10: // memory.copy
		r.take(2)
	case op == 11: // memory.fill
		r.take(1)
	default:
		if r.err == nil {
			r.err = fmt.Errorf("instruction 0xfc %d is not one that Go's compiler writes", op)
		}
	}
}

// vector reads the rest of an instruction with the prefix 0xfd.
func (r *reader) vector(in *instruction) {
	op := r.unsigned()
	in.op = in.op<<8 | uint32(op)
	switch {
	case op <= 11, op == 92, op == 93: // loads and the store
		r.memory(in)
	case op == 12, op == 13: // a constant, a shuffle
		r.take(16)
	case op >= 21 && op <= 34: // lanes
		r.byte()
	case op >= 84 && op <= 91: // loads and stores of a lane
		r.memory(in)
		r.byte()
	case op > 0xff:
		if r.err == nil {
			r.err = fmt.Errorf("instruction 0xfd %d is not one that Go's compiler writes", op)
		}
	}
}
