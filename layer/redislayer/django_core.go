package redislayer

import (
	"fmt"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// newDjangoCore makes the Core of a CONFIG. Only Python's settings can ask for another random prefix.
func newDjangoCore(o *Options, c *djangoConfig) (layer.ChannelLayer, error) {
	l, err := newCore(o)
	if err != nil {
		return nil, err
	}
	if c.randomPrefix != nil {
		w := l.wireOptions()
		w.RandomPrefix = *c.randomPrefix
		if l.codec, err = wire.New(w); err != nil {
			return nil, fmt.Errorf("redislayer: %w", err)
		}
	}
	l.start()
	return l, nil
}
