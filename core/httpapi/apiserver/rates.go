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

// rates limits the rate of each client's requests that compute or store something.
type rates struct {
	perMinute int
	mu        sync.Mutex // held while a client is looked up and added
	clients   *expirable.LRU[string, *rate.Limiter]
}

// A client is forgotten once it has sent nothing for the time that its bucket takes to fill.
const (
	maxClients = 1 << 16
	fill       = time.Minute
)

func newRates(perMinute int) *rates {
	return &rates{perMinute: perMinute, clients: expirable.NewLRU[string, *rate.Limiter](maxClients, nil, fill)}
}

// limit responds with 429 to clients above their rate, and passes other requests to next.
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

// limiter returns the token bucket of a client.
func (l *rates) limiter(client string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.clients.Get(client)
	if !ok {
		limiter = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
	}
	l.clients.Add(client, limiter) // added again to restart its expiry
	return limiter
}

// wait takes one of the client's tokens and returns 0, or returns the time until the next.
func (l *rates) wait(client string) time.Duration {
	limiter := l.limiter(client)
	if limiter.Allow() {
		return 0
	}
	token := limiter.Reserve()
	defer token.Cancel()
	return token.Delay()
}

// withClientAddress sets RemoteAddr to the last address in a header, which the reverse proxy
// in front of the server adds. Earlier addresses can be forged by the client.
func withClientAddress(header string, next http.Handler) http.Handler {
	if header == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if values := r.Header.Values(header); len(values) > 0 {
			list := strings.Split(values[len(values)-1], ",")
			if address, err := netip.ParseAddr(strings.TrimSpace(list[len(list)-1])); err == nil {
				r.RemoteAddr = net.JoinHostPort(address.String(), "0")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// clientOf returns the client's address. For IPv6 it is the /64 network, as one client
// usually has all of its addresses.
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
		network, _ := address.WithZone("").Prefix(64) // no error, as 64 is at most 128
		return network.String()
	}
	return address.String()
}
