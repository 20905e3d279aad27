package consumer

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gochannels/channels/layer"
)

// plan is a consumer type's dispatch plan, made once: which method handles
// which message type. No message is ever reflected upon.
type plan struct {
	handlers map[string]*handler     // by type, '_' written as '.'
	receives bool                    // has Receive
	gaps     bool                    // has Gap
	ends     bool                    // has a Disconnect of its own
	last     atomic.Pointer[handler] // of the message before: a group's members get the same
}

type handler struct {
	event      string // the type
	call       func(c Consumer, ctx context.Context, e layer.Envelope) error
	fromClient bool
}

var (
	contextType  = reflect.TypeFor[context.Context]()
	errorType    = reflect.TypeFor[error]()
	messageType  = reflect.TypeFor[Message]()
	envelopeType = reflect.TypeFor[layer.Envelope]()
	baseType     = reflect.TypeFor[*Base]()
	receiverType = reflect.TypeFor[receiver]()
	gapperType   = reflect.TypeFor[gapper]()
	hookNames    = []string{"Connect", "ReceiveJSON", "Disconnect", "Receive", "Gap"}
)

// newPlan judges every method of C and returns all faults at once.
func newPlan[C Consumer](types map[string]string, fromClient []string) (*plan, error) {
	t := reflect.TypeFor[C]()
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("consumer: %v is not a pointer to a struct that embeds consumer.Base", t)
	}
	p := &plan{handlers: map[string]*handler{}, receives: t.Implements(receiverType), gaps: t.Implements(gapperType), ends: owner(t, "Disconnect") != baseType}
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("consumer: %v: "+format, append([]any{t}, args...)...))
	}
	byMethod := map[string][]string{}
	for typ, method := range types {
		byMethod[method] = append(byMethod[method], typ)
	}
	methods := map[string]reflect.Method{}
	for i := range t.NumMethod() {
		m := t.Method(i)
		if _, ok := baseType.MethodByName(m.Name); ok || slices.Contains(hookNames, m.Name) {
			for _, why := range judgeHook(t, m, p) {
				fault("%s", why)
			}
			continue
		}
		if hook := likeHook(m.Name); hook != "" {
			fault("%s differs from %s in case: the hook or method of consumer.Base has that name, and no message reaches this one", m.Name, hook)
			continue
		}
		if m.Type.NumIn() < 2 || m.Type.In(1) != contextType {
			if takesMessage(m.Type) && promotedFrom(t, m) == "" {
				fault("%s", notHandler(m))
			}
			continue
		}
		field := promotedFrom(t, m)
		if field != "" && len(byMethod[m.Name]) == 0 {
			fault("%s is promoted from the embedded field %s: a message type would reach it by accident; name it in Options.Types, or embed the field under a name", m.Name, field)
			continue
		}
		methods[m.Name] = m
		names := byMethod[m.Name]
		if len(names) == 0 {
			name, err := wireName(m.Name)
			if err != nil {
				fault("%v", err)
				continue
			}
			names = []string{name}
		}
		h, why := makeHandler[C](m)
		if why != "" {
			fault("%s", why)
			continue
		}
		for _, name := range names {
			if why := p.add(name, m.Name, h); why != "" {
				fault("%s", why)
			}
		}
	}
	for method, names := range byMethod {
		if _, ok := methods[method]; !ok {
			fault("Options.Types: %q maps to %q, which is no handler of the consumer", names[0], method)
		}
	}
	for _, typ := range fromClient {
		h := p.handlers[canonical(typ)]
		if h == nil {
			fault("Options.FromClient: no method handles %.60q%s", typ, p.nearest(typ))
			continue
		}
		h.fromClient = true
	}
	if p.receives && len(fromClient) > 0 {
		fault("Options.FromClient has no effect beside a Receive hook, which gets every frame")
	}
	if len(faults) > 0 {
		// Methods come sorted, maps do not.
		slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, errors.Join(faults...)
	}
	return p, nil
}

// add enters a handler under a type. why is a fault.
func (p *plan) add(typ, method string, h handler) (why string) {
	if err := checkType(typ); err != nil {
		return fmt.Sprintf("%s: %v", method, err)
	}
	name := canonical(typ)
	if old := p.handlers[name]; old != nil {
		return fmt.Sprintf("%s and another method both handle %q", method, name)
	}
	h.event = name
	p.handlers[name] = &h
	return ""
}

// lookup returns the handler of a message's type, or nil. It does not
// allocate, whatever the type.
func (p *plan) lookup(typ string) *handler {
	if h := p.last.Load(); h != nil && h.event == typ {
		return h
	}
	if h := p.handlers[typ]; h != nil {
		p.last.Store(h)
		return h
	}
	if len(typ) > maxType || strings.IndexByte(typ, '_') < 0 {
		return nil
	}
	var buf [maxType]byte
	n := copy(buf[:], typ)
	for i, c := range buf[:n] {
		if c == '_' {
			buf[i] = '.'
		}
	}
	return p.handlers[string(buf[:n])]
}

// makeHandler turns a method into a function that is called without
// reflection, but for one whose parameter is a struct.
func makeHandler[C Consumer](m reflect.Method) (h handler, why string) {
	if m.Type.NumIn() != 3 || m.Type.NumOut() != 1 || m.Type.Out(0) != errorType || m.Type.IsVariadic() {
		return h, notHandler(m)
	}
	switch in := m.Type.In(2); {
	case in == envelopeType:
		f := m.Func.Interface().(func(C, context.Context, layer.Envelope) error)
		h.call = func(c Consumer, ctx context.Context, e layer.Envelope) error { return f(c.(C), ctx, e) }
	case in == messageType:
		f := m.Func.Interface().(func(C, context.Context, Message) error)
		h.call = func(c Consumer, ctx context.Context, e layer.Envelope) error {
			msg, err := e.Message()
			if err != nil {
				return badMessage{err}
			}
			return f(c.(C), ctx, msg)
		}
	case in.Kind() == reflect.Struct:
		h.call = structCall(m.Func, in)
	default:
		return h, fmt.Sprintf("%s takes %v: a handler's message is consumer.Message, a struct, or layer.Envelope; unexport it if it is none", m.Name, in)
	}
	return h, ""
}

// structCall calls f, a handler whose message is a struct, by reflection. The
// struct it decodes into is used again: f gets a copy, and what the copy refers
// to is new each time.
func structCall(f reflect.Value, in reflect.Type) func(Consumer, context.Context, layer.Envelope) error {
	type call struct {
		ctx  context.Context // args[1]; as a variable, its value has the parameter's type
		into any             // points to args[2]
		args [3]reflect.Value
	}
	pool := sync.Pool{New: func() any {
		v := reflect.New(in)
		k := &call{into: v.Interface()}
		k.args[1], k.args[2] = reflect.ValueOf(&k.ctx).Elem(), v.Elem()
		return k
	}}
	return func(c Consumer, ctx context.Context, e layer.Envelope) error {
		k := pool.Get().(*call)
		defer func() {
			k.ctx, k.args[0] = nil, reflect.Value{}
			k.args[2].SetZero()
			pool.Put(k)
		}()
		if err := e.Decode(k.into); err != nil {
			return badMessage{err}
		}
		k.ctx, k.args[0] = ctx, reflect.ValueOf(c)
		err, _ := f.Call(k.args[:])[0].Interface().(error)
		return err
	}
}

// signature prints a method's type without its receiver.
func signature(t reflect.Type) string {
	var in []string
	for i := 1; i < t.NumIn(); i++ {
		in = append(in, t.In(i).String())
	}
	var out []string
	for t := range t.Outs() {
		out = append(out, t.String())
	}
	return fmt.Sprintf("func(%s) (%s)", strings.Join(in, ", "), strings.Join(out, ", "))
}
