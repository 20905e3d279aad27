package wire_test

import (
	"testing"

	"github.com/gochannels/channels/layer/redislayer/internal/vectors"
)

// TestVectorsNeverSeen runs the tests of this package with values that channels_redis makes anew.
func TestVectorsNeverSeen(t *testing.T) {
	t.Parallel()
	vectors.Fresh(t, "^Test(TokensArePythons|ShardIsPythons|NamesArePythons|CapacitiesArePythons|DecodeTakesWhatPythonTakes|"+
		"EncodeWritesWhatPythonWrites|EncodeKeepsWhatWasDecoded)$", []string{"vectors.py", "folder"})
}
