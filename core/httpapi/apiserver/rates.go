package apiserver

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"golang.org/x/time/rate"

	"tweedie/core/httpapi"
)

// rates counts the requests of clients that may compute, or leave something behind.
type rates struct {
	perMinute int
	clients   *expirable.LRU[string, *rate.Limiter]
}

// A client that was not seen for as long as its bucket needs to fill is forgotten.
const (
	maxClients = 1 << 16
	fill       = time.Minute
)

func newRates(perMinute int) *rates {
	return &rates{perMinute, expirable.NewLRU[string, *rate.Limiter](maxClients, nil, fill)}
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

// wait takes a token of the client, or returns when there will be one.
func (l *rates) wait(client string) time.Duration {
	limiter, ok := l.clients.Get(client)
	if !ok {
		limiter = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
	}
	l.clients.Add(client, limiter)
	if limiter.Allow() {
		return 0
	}
	token := limiter.Reserve()
	defer token.Cancel()
	return token.Delay()
}

// known says in RemoteAddr who the client of a request is, where a proxy in front of the
// server tells it in a header: the last address there, which is the proxy's own word.
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

// clientOf returns the address behind a connection; of IPv6 the network, of which one
// client has all addresses.
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
