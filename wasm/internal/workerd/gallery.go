package workerd

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// namespace emulates a KV namespace, in memory, as far as a gallery needs it: keys with
// metadata, in the runtime's protocol (workerd, src/workerd/api/kv.c++). Values are discarded.
type namespace struct {
	mu       sync.Mutex
	metadata map[string]string // JSON by key
}

// maxMetadata is the limit of KV for the metadata of a key, in bytes.
const maxMetadata = 1024

// key is a key in a list of KV.
type key struct {
	Name     string `json:"name"`
	Metadata string `json:"metadata,omitempty"`
}

func (n *namespace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case r.Method == http.MethodGet && name == "":
		n.list(w, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodPut && name != "" && len(r.Header.Get("CF-KV-Metadata")) <= maxMetadata:
		n.metadata[name] = r.Header.Get("CF-KV-Metadata")
	case r.Method == http.MethodDelete && name != "":
		delete(n.metadata, name)
	default:
		http.Error(w, "the request must be a list, a put with at most 1024 bytes of metadata, or a delete", http.StatusBadRequest)
	}
}

// list responds with the keys that have a prefix, in order.
func (n *namespace) list(w http.ResponseWriter, prefix string) {
	keys := []key{}
	for name, metadata := range n.metadata {
		if strings.HasPrefix(name, prefix) {
			keys = append(keys, key{name, metadata})
		}
	}
	slices.SortFunc(keys, func(a, b key) int { return strings.Compare(a.Name, b.Name) })
	json.NewEncoder(w).Encode(map[string]any{"keys": keys, "list_complete": true})
}
