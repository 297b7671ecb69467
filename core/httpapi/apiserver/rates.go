package apiserver

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"golang.org/x/time/rate"

	"tweedie/core/httpapi"
)

// rates counts the requests of clients that may compute, or leave something behind.
type rates struct {
	perMinute int
	mu        sync.Mutex // held from looking a client up until it is there
	clients   *expirable.LRU[string, *rate.Limiter]
}

// A client that sent nothing for as long as its bucket takes to fill is forgotten.
const (
	maxClients = 1 << 16
	fill       = time.Minute
)

func newRates(perMinute int) *rates {
	return &rates{perMinute: perMinute, clients: expirable.NewLRU[string, *rate.Limiter](maxClients, nil, fill)}
}

// limit answers requests of clients that ask too often with 429, and others with next.
func (l *rates) limit(next http.Handler) http.Handler {
	if l.perMinute == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if httpapi.Counts(r) {
			if wait := l.wait(clientOf(r.RemoteAddr)); wait > 0 {
				httpapi.TooMany(l.perMinute, int(math.Ceil(wait.Seconds()))).Write(w)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// limiter returns the bucket of a client, the same for all its requests.
func (l *rates) limiter(client string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.clients.Get(client)
	if !ok {
		limiter = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
	}
	l.clients.Add(client, limiter) // again, so that it is remembered from now on
	return limiter
}

// wait takes a token of the client, or returns how long it takes until there is one.
func (l *rates) wait(client string) time.Duration {
	limiter := l.limiter(client)
	if limiter.Allow() {
		return 0
	}
	token := limiter.Reserve()
	defer token.Cancel()
	return token.Delay()
}

// known sets RemoteAddr to the client's address, where a proxy in front of the server
// sends it in a header: the last address there, which the proxy itself has added.
func known(header string, next http.Handler) http.Handler {
	if header == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if said := r.Header.Values(header); len(said) > 0 {
			list := strings.Split(said[len(said)-1], ",")
			if address, err := netip.ParseAddr(strings.TrimSpace(list[len(list)-1])); err == nil {
				r.RemoteAddr = net.JoinHostPort(address.String(), "0")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// clientOf returns the client's address; for IPv6 its network of 64 bits, all of whose
// addresses belong to one client.
func clientOf(remote string) string {
	name, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	address, err := netip.ParseAddr(name)
	if err != nil {
		return name
	}
	if address = address.Unmap(); address.Is6() {
		network, _ := address.WithZone("").Prefix(64) // 64 bits are fewer than 128
		return network.String()
	}
	return address.String()
}
