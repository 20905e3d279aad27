package consumer

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
)

// connContext is a connection's context. It is cancelled when the connection
// ends, with the cause. Its values are the request's during Connect; after
// that those of Options.Keep, or the request's that are safe to keep.
type connContext struct {
	context.Context // cancelled by the session; has no values of its own
	values          atomic.Pointer[valueSource]
}

type valueSource struct {
	ctx    context.Context
	pooled bool // may hold what a router uses again
}

// Value implements context.Context.
func (c *connContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil { // the cancel context's own key
		return v
	}
	src := c.values.Load()
	if src == nil || src.pooled && reused(key) {
		return nil
	}
	return src.ctx.Value(key)
}

// pooledRouters take the values they put into a request's context from a pool
// and use them for the next request when the handler has returned, which ours
// does while the connection lives.
var pooledRouters = []string{"github.com/go-chi/chi", "github.com/julienschmidt/httprouter"}

// reused reports whether key belongs to one of pooledRouters.
func reused(key any) bool {
	t := reflect.TypeOf(key)
	if t == nil {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := t.PkgPath()
	for _, router := range pooledRouters {
		if strings.HasPrefix(path, router) {
			return true
		}
	}
	return false
}

// settle ends the use of the request's own context.
func (c *connContext) settle(r *http.Request, keep func(*http.Request) context.Context) {
	if keep == nil {
		c.values.Store(&valueSource{ctx: context.WithoutCancel(r.Context()), pooled: true})
		return
	}
	kept := &valueSource{ctx: context.Background()}
	defer c.values.Store(kept) // none, if keep panics
	if ctx := keep(r); ctx != nil {
		kept.ctx = context.WithoutCancel(ctx)
	}
}

type fromClientKey struct{}

// FromClient reports whether the message being handled came from the client:
// true in ReceiveJSON, in Receive, and in a handler whose type is in
// Options.FromClient when the client sent it. ctx is the handler's.
func FromClient(ctx context.Context) bool {
	from, _ := ctx.Value(fromClientKey{}).(bool)
	return from
}
