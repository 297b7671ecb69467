package workerd

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// platform plays Cloudflare's cache and an R2 bucket, in memory, in the words in which
// the runtime speaks to them.
type platform struct {
	mu     sync.Mutex
	cache  map[string]answer // by address
	bucket map[string]stored // by name
}

// answer is a response that the cache keeps.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// stored is an object of the bucket, and what was said of it.
type stored struct {
	data   []byte
	custom []field
}

// field is a name and a value of an object's own metadata.
type field struct {
	Name  string `json:"k"`
	Value string `json:"v"`
}

// sizeHeader says how many bytes of JSON stand before the bytes of an object.
const sizeHeader = "CF-R2-Metadata-Size"

// longest is the name of an object that R2 takes at most, in bytes.
const longest = 1024

// most is what is read of one request.
const most = 32 << 20

func newPlatform() *platform {
	return &platform{cache: map[string]answer{}, bucket: map[string]stored{}}
}

// ServeHTTP answers R2 where the request has R2's headers, and else the cache.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body := http.MaxBytesReader(w, r.Body, most)
	switch {
	case r.Header.Get(sizeHeader) != "":
		p.put(w, r, body)
	case r.Header.Get("CF-R2-Request") != "":
		p.get(w, r)
	case r.Method == http.MethodPut:
		p.store(w, r, body)
	default:
		p.match(w, r)
	}
}

// match answers a request with what the cache has for its address: workerd,
// src/workerd/api/cache.c++.
func (p *platform) match(w http.ResponseWriter, r *http.Request) {
	kept, ok := p.cache[r.Host+r.URL.RequestURI()]
	if !ok {
		w.Header().Set("CF-Cache-Status", "MISS")
		w.WriteHeader(http.StatusGatewayTimeout)
		return
	}
	h := w.Header()
	for name, values := range kept.header {
		h[name] = values
	}
	h.Set("CF-Cache-Status", "HIT")
	if tag := kept.header.Get("ETag"); tag != "" && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(kept.status)
	w.Write(kept.body)
}

// store keeps the response that a request carries as HTTP text.
func (p *platform) store(w http.ResponseWriter, r *http.Request, body io.Reader) {
	response, err := http.ReadResponse(bufio.NewReader(body), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.cache[r.Host+r.URL.RequestURI()] = answer{response.StatusCode, response.Header, data}
	w.WriteHeader(http.StatusNoContent)
}

// call is what a request to R2 says of itself: workerd, src/workerd/api/r2-api.capnp.
type call struct {
	Method string  `json:"method"`
	Object string  `json:"object"`
	Custom []field `json:"customFields"`
}

// object is how R2 describes an object.
type object struct {
	Name     string         `json:"name"`
	Version  string         `json:"version"`
	Size     int            `json:"size"`
	ETag     string         `json:"etag"`
	Uploaded int64          `json:"uploaded"`
	Fields   map[string]any `json:"httpFields"`
	Custom   []field        `json:"customFields"`
	Sums     map[string]any `json:"checksums"`
}

func (o stored) describe(name string) []byte {
	text, err := json.Marshal(object{name, "1", len(o.data), strconv.Itoa(len(o.data)), time.Now().UnixMilli(), map[string]any{}, o.custom, map[string]any{}})
	if err != nil {
		panic(err) // there is nothing in it that JSON has not
	}
	return text
}

func (p *platform) get(w http.ResponseWriter, r *http.Request) {
	var c call
	if err := json.Unmarshal([]byte(r.Header.Get("CF-R2-Request")), &c); err != nil || c.Method != "get" || len(c.Object) > longest {
		http.Error(w, "need a get of a name that is not too long", http.StatusBadRequest)
		return
	}
	kept, ok := p.bucket[c.Object]
	if !ok {
		w.Header().Set("CF-R2-Error", `{"version":0,"v4code":10007,"message":"The specified key does not exist."}`)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	about := kept.describe(c.Object)
	w.Header().Set(sizeHeader, strconv.Itoa(len(about)))
	w.Write(append(about, kept.data...))
}

func (p *platform) put(w http.ResponseWriter, r *http.Request, body io.Reader) {
	data, err := io.ReadAll(body)
	size, sizeErr := strconv.Atoi(r.Header.Get(sizeHeader))
	if err != nil || sizeErr != nil || size < 0 || size > len(data) {
		http.Error(w, "need JSON and bytes", http.StatusBadRequest)
		return
	}
	var c call
	if err := json.Unmarshal(data[:size], &c); err != nil || c.Method != "put" || len(c.Object) > longest {
		http.Error(w, "need a put of a name that is not too long", http.StatusBadRequest)
		return
	}
	p.bucket[c.Object] = stored{data[size:], c.Custom}
	about := p.bucket[c.Object].describe(c.Object)
	w.Header().Set(sizeHeader, strconv.Itoa(len(about)))
	w.Write(about)
}

// forget empties the cache, or the bucket.
func (p *platform) forget(cache, bucket bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cache {
		clear(p.cache)
	}
	if bucket {
		clear(p.bucket)
	}
}

// kept counts the addresses in the cache, and the names in the bucket, that contain part.
func (p *platform) kept(part string) (cached, stored int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for address := range p.cache {
		if strings.Contains(address, part) {
			cached++
		}
	}
	for name := range p.bucket {
		if strings.Contains(name, part) {
			stored++
		}
	}
	return cached, stored
}
