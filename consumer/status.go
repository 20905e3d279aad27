package consumer

import (
	"fmt"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// StatusCode is a WebSocket close code, RFC 6455 section 7.4. Applications use
// 4000 to 4999; 3000 to 3999 are for registered protocols.
type StatusCode int

// The codes of RFC 6455 and of the IANA registry.
const (
	StatusNormalClosure   StatusCode = 1000
	StatusGoingAway       StatusCode = 1001
	StatusProtocolError   StatusCode = 1002
	StatusUnsupportedData StatusCode = 1003
	StatusNoStatus        StatusCode = 1005 // Disconnect sees it: a close frame without a code
	StatusAbnormalClosure StatusCode = 1006 // Disconnect sees it: no close frame
	StatusInvalidData     StatusCode = 1007
	StatusPolicyViolation StatusCode = 1008
	StatusMessageTooBig   StatusCode = 1009
	StatusInternalError   StatusCode = 1011
	StatusServiceRestart  StatusCode = 1012
	StatusTryAgainLater   StatusCode = 1013
)

func checkCode(code StatusCode) error {
	if err := transport.CheckCode(int(code)); err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	return nil
}
