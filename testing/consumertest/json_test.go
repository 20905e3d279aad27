package consumertest_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/testing/consumertest"
)

func TestExpectJSONComparesValues(t *testing.T) {
	t.Parallel()
	type trip struct {
		ID     int     `json:"id"`
		Driver *string `json:"driver"`
	}
	tests := []struct {
		want any
		got  string
		same bool
	}{
		{trip{ID: 7}, `{"driver": null, "id": 7}`, true},
		{trip{ID: 7}, `{"id": 7}`, false},
		{consumer.Message{"a": []int{1}}, `{"a":[1.0]}`, true},
		{1.0, `1`, true},
		{1000, `1e3`, true},
		{0.1, `0.10`, true},
		{0, `-0.0`, true},
		{1, `"1"`, false},
		{nil, `null`, true},
		{nil, `false`, false},
		{"<é>", `"\u003c\u00e9>"`, true},
		{int64(math.MaxInt64), `9223372036854775807`, true},
		{int64(math.MaxInt64), `9223372036854775806`, false},
		{int64(math.MaxInt64), `9223372036854775807.0`, true},
		{uint64(math.MaxUint64), `18446744073709551615`, true},
		{json.RawMessage(`1e999999999`), `1e999999998`, false},
		{json.RawMessage(`1e999999999`), `1e999999999`, true},
		{json.RawMessage(`1e99999999999999999999`), `1`, false},
		{[]byte("bytes"), `"Ynl0ZXM="`, true},
		{json.RawMessage(`{"a":{"b":1}}`), `{"a":{"b":1}}`, true},
	}
	r := &recorder{TB: t}
	c := consumertest.NewWebsocketCommunicator(r, echo(), "/")
	r.run(func() { c.Connect() })
	for _, test := range tests {
		failed := r.run(func() {
			c.SendText(test.got)
			c.ExpectJSON(test.want)
		})
		if same := failed == ""; same != test.same {
			t.Errorf("%v and %s are the same: %v, want %v\n%s", test.want, test.got, same, test.same, failed)
		}
	}
	wantNoFailure(t, r.end())
}

func TestReceiveJSON(t *testing.T) {
	t.Parallel()
	c := consumertest.NewWebsocketCommunicator(t, echo(), "/")
	c.Connect()

	const sent = `{"i":1,"u":18446744073709551615,"f":1.0,"list":[1,{"n":-5}],"s":"x","nil":null}`
	want := map[string]any{
		"i": int64(1), "u": uint64(math.MaxUint64), "f": 1.0, "list": []any{int64(1), map[string]any{"n": int64(-5)}}, "s": "x", "nil": nil,
	}
	var message consumer.Message
	c.SendText(sent)
	c.ReceiveJSON(&message)
	if diff := cmp.Diff(consumer.Message(want), message); diff != "" {
		t.Errorf("Message mismatch (-want +got):\n%s", diff)
	}
	var object map[string]any
	c.SendText(sent)
	c.ReceiveJSON(&object)
	if diff := cmp.Diff(want, object); diff != "" {
		t.Errorf("map mismatch (-want +got):\n%s", diff)
	}
	var value any
	c.SendText(`[1]`)
	c.ReceiveJSON(&value)
	if diff := cmp.Diff(any([]any{int64(1)}), value); diff != "" {
		t.Errorf("any mismatch (-want +got):\n%s", diff)
	}
	var typed struct {
		I int `json:"i"`
	}
	c.SendText(sent)
	c.ReceiveJSON(&typed)
	if typed.I != 1 {
		t.Errorf("got %v", typed)
	}
	c.Disconnect()
}
