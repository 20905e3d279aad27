package group_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/group"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"a", ""},
		{"room.42_x-Y", ""},
		{strings.Repeat("a", 99), ""},
		{"", `group: group name "": it is empty`},
		{"a b", `group: group name "a b": byte 1 (' ') is not an ASCII letter, digit, '-', '.' or '_'`},
		{"abc\n", `group: group name "abc\n": byte 3 ('\n') is not an ASCII letter, digit, '-', '.' or '_'`},
		{"user:42", `group: group name "user:42": byte 4 (':') is not an ASCII letter, digit, '-', '.' or '_'`},
		{"a!b", `group: group name "a!b": byte 1 ('!') is not an ASCII letter, digit, '-', '.' or '_'`},
		{"٣", `group: group name "٣": byte 0 (0xd9) is not an ASCII letter, digit, '-', '.' or '_'`},
		{"¯\\_(ツ)_/¯", `group: group name "¯\\_(ツ)_/¯": byte 0 (0xc2) is not an ASCII letter, digit, '-', '.' or '_'`},
		{strings.Repeat("a", 100), `group: group name "` + strings.Repeat("a", 40) + `"...: it has 100 bytes, more than 99`},
	}
	for _, test := range tests {
		got := ""
		if err := group.CheckName(test.name); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("CheckName(%q) (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestNameErrorHasData(t *testing.T) {
	t.Parallel()
	var got *group.NameError
	if !errors.As(group.CheckName("a b"), &got) {
		t.Fatal("the error is no *NameError")
	}
	want := &group.NameError{Kind: "group", Name: "a b", Rule: got.Rule}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNameVectors(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/names.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Parts []string `json:"parts"`
			Name  string   `json:"name"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 10 {
		t.Fatalf("only %d vectors", len(file.Cases))
	}
	for _, c := range file.Cases {
		if diff := cmp.Diff(c.Name, group.Name(c.Parts...)); diff != "" {
			t.Errorf("Name(%q) (-want +got):\n%s", c.Parts, diff)
		}
	}
}

var nameRule = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,99}\z`)

func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", "é", "a\n", strings.Repeat("x", 99), strings.Repeat("x", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := group.CheckName(name)
		if ok := nameRule.MatchString(name); ok != (err == nil) {
			t.Fatalf("CheckName(%q) = %v, but the rule says %v", name, err, ok)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
	})
}

// FuzzName checks that names are valid and that different parts make different names.
func FuzzName(f *testing.F) {
	f.Add("a", "b", "a.b", "")
	f.Add("", "", "_", ".")
	f.Add("room", "é", "room_", "c3")
	f.Add(strings.Repeat("a", 99), "", strings.Repeat("a", 98), "a")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		forms := [][]string{{}, {a}, {b}, {a, b}, {b, a}, {a + b}, {a, b, c}, {a + "." + b}, {c, d}, {c + d}, {a, b, c, d}, {""}, {"", ""}}
		names := make(map[string][]string)
		for _, parts := range forms {
			name := group.Name(parts...)
			if err := group.CheckName(name); err != nil {
				t.Fatalf("Name(%q): %v", parts, err)
			}
			if other, ok := names[name]; ok && !slices.Equal(other, parts) {
				t.Fatalf("Name(%q) = Name(%q) = %q", parts, other, name)
			}
			names[name] = parts
		}
	})
}

func ExampleName() {
	fmt.Println(group.Name("room", "42"))
	fmt.Println(group.Name("room", "Café, left"))
	fmt.Println(group.Name("a.b", "c"), group.Name("a", "b.c"))
	// Output:
	// room.42
	// room.Caf_c3_a9_2c_20left
	// a_2eb.c a.b_2ec
}

func ExampleCheckName() {
	fmt.Println(group.CheckName("chat room"))
	fmt.Println(group.CheckName("chat.room"))
	// Output:
	// group: group name "chat room": byte 4 (' ') is not an ASCII letter, digit, '-', '.' or '_'
	// <nil>
}
