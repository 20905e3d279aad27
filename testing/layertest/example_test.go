package layertest_test

import (
	"fmt"
	"strings"

	"github.com/gochannels/channels/testing/layertest"
)

func ExampleCases() {
	for _, c := range layertest.Cases() {
		if strings.HasPrefix(c.Name, "close-") {
			fmt.Printf("%s: %s\n", c.Name, c.Promise)
		}
	}
	// Output:
	// close-waiters: Close ends every Receive with ErrClosed.
	// close-calls: After Close every call answers ErrClosed, and a second Close is no error.
}
