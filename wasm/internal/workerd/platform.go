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

// platform emulates Cloudflare's cache and an R2 bucket, in memory, in the runtime's protocol.
type platform struct {
	mu     sync.Mutex
	cache  map[string]answer // by address
	bucket map[string]stored // by name
}

// answer is a cached response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// stored is an object of the bucket with its metadata.
type stored struct {
	data   []byte
	custom []field
}

// field is the name and value of a custom metadata field.
type field struct {
	Name  string `json:"k"`
	Value string `json:"v"`
}

// sizeHeader gives the number of bytes of JSON before the data of an object.
const sizeHeader = "CF-R2-Metadata-Size"

// maxName is R2's limit for the name of an object, in bytes.
const maxName = 1024

// maxBody bounds the body of a request.
const maxBody = 32 << 20

func newPlatform() *platform {
	return &platform{cache: map[string]answer{}, bucket: map[string]stored{}}
}

// ServeHTTP handles requests to R2, which have its headers, and to the cache.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body := http.MaxBytesReader(w, r.Body, maxBody)
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

// match responds with the cached response for the request's address: workerd,
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

// store caches the response that a request contains as HTTP text.
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

// call is a request to R2: workerd, src/workerd/api/r2-api.capnp.
type call struct {
	Method string  `json:"method"`
	Object string  `json:"object"`
	Custom []field `json:"customFields"`
}

// object is R2's description of an object.
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
		panic(err) // all of its fields can be marshalled
	}
	return text
}

func (p *platform) get(w http.ResponseWriter, r *http.Request) {
	var c call
	if err := json.Unmarshal([]byte(r.Header.Get("CF-R2-Request")), &c); err != nil || c.Method != "get" || len(c.Object) > maxName {
		http.Error(w, "the request must be a get with a name of at most 1024 bytes", http.StatusBadRequest)
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
		http.Error(w, "the body must be JSON followed by data", http.StatusBadRequest)
		return
	}
	var c call
	if err := json.Unmarshal(data[:size], &c); err != nil || c.Method != "put" || len(c.Object) > maxName {
		http.Error(w, "the request must be a put with a name of at most 1024 bytes", http.StatusBadRequest)
		return
	}
	p.bucket[c.Object] = stored{data[size:], c.Custom}
	about := p.bucket[c.Object].describe(c.Object)
	w.Header().Set(sizeHeader, strconv.Itoa(len(about)))
	w.Write(about)
}

// forget clears the cache, the bucket, or both.
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

// count returns the numbers of addresses in the cache and of names in the bucket that contain
// part.
func (p *platform) count(part string) (cached, stored int) {
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
