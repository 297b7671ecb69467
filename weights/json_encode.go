package weights

import "encoding/json/jsontext"

// jsonWriter writes JSON token by token and keeps the first error. A name that occurs
// twice in an object is such an error.
type jsonWriter struct {
	to  *jsontext.Encoder
	err error
}

func (w *jsonWriter) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.to.WriteToken(t)
	}
}

func (w *jsonWriter) value(v jsontext.Value) {
	if w.err == nil {
		w.err = w.to.WriteValue(v)
	}
}

// name begins a member of the object being written.
func (w *jsonWriter) name(s string) *jsonWriter {
	w.token(jsontext.String(s))
	return w
}

func (w *jsonWriter) integers(numbers ...int) {
	w.token(jsontext.BeginArray)
	for _, n := range numbers {
		w.token(jsontext.Int(int64(n)))
	}
	w.token(jsontext.EndArray)
}
