package layertest_test

import (
	"os"
	"testing"

	"github.com/gochannels/channels/testing/layertest"
)

func TestMain(m *testing.M) {
	layertest.Serve(openRelay)
	os.Exit(m.Run())
}
