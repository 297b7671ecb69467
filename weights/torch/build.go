package torch

import "fmt"

// build executes the opcodes that make containers.
func (m *machine) build(op byte) error {
	switch op {
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		v, err := m.popN(int(op) - 0x84)
		m.push(v)
		return err
	case 't', 'l', 0x91: // TUPLE, LIST, FROZENSET
		v, err := m.popMark()
		if op == 't' {
			m.push(v)
		} else {
			m.push(&list{v})
		}
		return err
	case 'a': // APPEND
		v, err := m.popN(1)
		if err != nil {
			return err
		}
		return m.appendTo(v)
	case 'e', 0x90: // APPENDS, ADDITEMS
		v, err := m.popMark()
		if err != nil {
			return err
		}
		return m.appendTo(v)
	case 'd': // DICT
		v, err := m.popMark()
		if err != nil {
			return err
		}
		m.push(&dict{})
		return m.setItems(v)
	case 's': // SETITEM
		v, err := m.popN(2)
		if err != nil {
			return err
		}
		return m.setItems(v)
	case 'u': // SETITEMS
		v, err := m.popMark()
		if err != nil {
			return err
		}
		return m.setItems(v)
	}
	return m.object(op)
}

func (m *machine) appendTo(items tuple) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	if _, ok := v.(*object); ok { // a class derived from list or set
		return nil
	}
	to, ok := v.(*list)
	if !ok {
		return fmt.Errorf("pickle may append to a list only (got %s)", describe(v))
	}
	to.items = append(to.items, items...)
	return nil
}

func (m *machine) setItems(items tuple) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	to, ok := v.(*dict)
	if o, derived := v.(*object); derived {
		to, ok = &o.members, true
	}
	if !ok || len(items)%2 != 0 {
		return fmt.Errorf("pickle may set members of a dict from pairs only (got %[2]s and %[1]d values)", len(items), describe(v))
	}
	for i := 0; i < len(items); i += 2 {
		to.pairs = append(to.pairs, pair{items[i], items[i+1]})
	}
	return nil
}

// object executes the opcodes that refer to globals.
func (m *machine) object(op byte) error {
	switch op {
	case 'c': // GLOBAL
		module, err := m.in.line()
		if err != nil {
			return err
		}
		name, err := m.in.line()
		if err != nil {
			return err
		}
		return m.global(module, name)
	case 0x93: // STACK_GLOBAL
		v, err := m.popN(2)
		if err != nil {
			return err
		}
		module, ok := v[0].(string)
		name, ok2 := v[1].(string)
		if !ok || !ok2 {
			return fmt.Errorf("pickle must refer to a global by strings (got %s and %s)", describe(v[0]), describe(v[1]))
		}
		return m.global(module, name)
	}
	return m.made(op)
}

// made executes the opcodes that call globals and set the state of what they return.
func (m *machine) made(op byte) error {
	switch op {
	case 'R', 0x81: // REDUCE, NEWOBJ
		v, err := m.popN(2)
		if err != nil {
			return err
		}
		args, ok := v[1].(tuple)
		if !ok {
			return fmt.Errorf("pickle calls %s with %s instead of a tuple", describe(v[0]), describe(v[1]))
		}
		result, err := m.call(v[0], args)
		m.push(result)
		return err
	case 'b': // BUILD
		state, err := m.pop()
		if err != nil {
			return err
		}
		// The state of an OrderedDict (_metadata) or a tensor is not part of its numbers, and an
		// object is set aside with its state.
		v, err := m.top()
		if err != nil {
			return err
		}
		switch v.(type) {
		case *dict, *tensorValue, *object, global:
			return nil
		}
		return fmt.Errorf("pickle may set the state of an OrderedDict or a tensor only (got %s and the state %s)", describe(v), describe(state))
	case 0x92: // NEWOBJ_EX: class, arguments, named arguments
		v, err := m.popN(3)
		if err != nil {
			return err
		}
		result, err := m.setAside(v[0])
		m.push(result)
		return err
	case 'Q': // BINPERSID
		id, err := m.pop()
		if err != nil {
			return err
		}
		v, err := m.load(id)
		m.push(v)
		return err
	}
	return fmt.Errorf("pickle has opcode %#02x, which is not supported", op)
}

func (m *machine) global(module, name string) error {
	g := global{module, name}
	if g.refused() {
		return fmt.Errorf("pickle refers to the global %q, which can run commands when Python reads the file and which no weights need: do not open the file with Python (nothing was executed here)", module+"."+name)
	}
	m.push(g)
	return nil
}

// describe returns a description of a value for an error.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool, int64, float64:
		return fmt.Sprint(v)
	case string:
		return fmt.Sprintf("%.60q", v)
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case tuple:
		return fmt.Sprintf("a tuple of %d", len(v))
	case *list:
		return fmt.Sprintf("a list of %d", len(v.items))
	case *dict:
		return fmt.Sprintf("a dict of %d", len(v.pairs))
	case global:
		return fmt.Sprintf("the global %q", v.module+"."+v.name)
	case *object:
		return fmt.Sprintf("an object of %q", v.of.module+"."+v.of.name)
	case *storage:
		return fmt.Sprintf("storage %q", v.key)
	case *tensorValue:
		return fmt.Sprintf("a tensor of shape %v", v.shape)
	}
	return fmt.Sprintf("a value of type %T", v)
}
