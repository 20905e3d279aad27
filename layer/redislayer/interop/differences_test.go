package interop_test

// difference is what the clients see of each side in a step where the sides differ, after their welcome.
type difference struct{ daphne, ours []string }

// differences are argued in doc.go.
var differences = map[string]difference{
	"crash_while_connecting": {
		daphne: []string{`["a", "refused", 500]`},
		ours:   []string{`["a", "refused", 403]`},
	},
	"no_such_path": {
		daphne: []string{`["a", "refused", 500]`},
		ours:   []string{`["a", "refused", 404]`},
	},
	"crash_in_receive": {
		daphne: []string{`["a", "closed", 1011, ""]`, `["b", "nothing"]`},
		ours:   []string{`["a", "closed", 1011, ""]`, `["b", "json", {"code": 1011, "type": "room.gone"}]`},
	},
	"server_closes_1001": {
		daphne: []string{`["a", "closed", 1011, ""]`, `["b", "nothing"]`},
		ours:   []string{`["a", "closed", 1001, ""]`, `["b", "json", {"code": 1001, "type": "room.gone"}]`},
	},
	"server_closes_1011": {
		daphne: []string{`["a", "closed", 1011, ""]`, `["b", "nothing"]`},
		ours:   []string{`["a", "closed", 1011, ""]`, `["b", "json", {"code": 1011, "type": "room.gone"}]`},
	},
	"server_closes_999": {
		daphne: []string{`["a", "closed", 1011, ""]`, `["b", "nothing"]`},
		ours:   []string{`["a", "closed", 1011, ""]`, `["b", "json", {"code": 1011, "type": "room.gone"}]`},
	},
	"server_closes_1006": {
		daphne: []string{`["a", "closed", 1011, ""]`, `["b", "nothing"]`},
		ours:   []string{`["a", "closed", 1011, ""]`, `["b", "json", {"code": 1011, "type": "room.gone"}]`},
	},
	"server_closes_2000": {
		daphne: []string{`["a", "closed", 1011, ""]`, `["b", "nothing"]`},
		ours:   []string{`["a", "closed", 1011, ""]`, `["b", "json", {"code": 1011, "type": "room.gone"}]`},
	},
	"server_closes_with_reason": {
		daphne: []string{`["a", "closed", 4001, ""]`, `["b", "json", {"code": 4001, "type": "room.gone"}]`},
		ours:   []string{`["a", "closed", 4001, "enough \u2603"]`, `["b", "json", {"code": 4001, "type": "room.gone"}]`},
	},
	"server_sends_after_its_close": {
		daphne: []string{`["a", "closed", 4002, ""]`, `["b", "nothing"]`},
		ours:   []string{`["a", "closed", 4002, ""]`, `["b", "json", {"code": 4002, "type": "room.gone"}]`},
	},
	"client_closes_without_code": {
		daphne: []string{`["b", "json", {"code": null, "type": "room.gone"}]`, `["a", "closed", 1000, ""]`},
		ours:   []string{`["b", "json", {"code": 1005, "type": "room.gone"}]`, `["a", "closed", 1005, ""]`},
	},
	"invalid_json": {
		daphne: []string{`["a", "closed", 1011, ""]`},
		ours:   []string{`["a", "json", {"mark": "alive", "type": "echo"}]`},
	},
	"empty_text": {
		daphne: []string{`["a", "closed", 1011, ""]`},
		ours:   []string{`["a", "json", {"mark": "alive", "type": "echo"}]`},
	},
	"json_list": {
		daphne: []string{`["a", "closed", 1011, ""]`},
		ours:   []string{`["a", "json", {"mark": "alive", "type": "echo"}]`},
	},
	"binary_to_json_consumer": {
		daphne: []string{`["a", "closed", 1011, ""]`},
		ours:   []string{`["a", "json", {"mark": "alive", "type": "echo"}]`},
	},
	"not_a_number": {
		daphne: []string{`["a", "json", {"type": "echo", "value": NaN}]`},
		ours:   []string{`["a", "json", {"mark": "alive", "type": "echo"}]`},
	},
	"lone_surrogate": {
		daphne: []string{`["a", "json", {"type": "echo", "value": "\ud800"}]`},
		ours:   []string{`["a", "json", {"mark": "alive", "type": "echo"}]`},
	},
	"huge_integer": {
		daphne: []string{`["a", "json", {"type": "echo", "value": 123456789012345678901234567890}]`},
		ours:   []string{`["a", "json", {"mark": "alive", "type": "echo"}]`},
	},
	"duplicate_key": {
		daphne: []string{`["a", "json", {"type": "echo", "value": 2}]`},
		ours:   []string{`["a", "json", {"mark": "alive", "type": "echo"}]`},
	},
	"invalid_utf8": {
		daphne: []string{`["a", "closed", 1006, ""]`},
		ours:   []string{`["a", "closed", 1007, ""]`},
	},
	"frame_of_two_megabytes": {
		daphne: []string{`["a", "closed", 1006, ""]`},
		ours:   []string{`["a", "closed", 1009, ""]`},
	},
	"empty_frames": {
		daphne: []string{`["a", "nothing"]`, `["a", "nothing"]`},
		ours:   []string{`["a", "text", ""]`, `["a", "binary", ""]`},
	},
}
