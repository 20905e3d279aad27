package examples_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

const root = ".."

// block is one fenced piece of the README.
type block struct {
	line     int
	language string
	source   string // the file named in a comment before it, whose excerpt it is
	text     string
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fence = regexp.MustCompile("(?ms)(?:^<!-- (\\S+) -->\n)?^```(\\w*)\n(.*?)^```$")

func blocks(t *testing.T, language string) []block {
	t.Helper()
	text := readme(t)
	var found []block
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		b := block{line: 1 + strings.Count(text[:m[4]], "\n"), language: text[m[4]:m[5]], text: text[m[6]:m[7]]}
		if m[2] >= 0 {
			b.source = text[m[2]:m[3]]
		}
		if b.language == language {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		t.Fatalf("README.md has no %s block", language)
	}
	return found
}

// A block below a comment with a file's name is cut from that file: its
// paragraphs stand there, line by line and in the same order.
func TestReadmeExcerptsStandInTheirFiles(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t, "go") {
		if b.source == "" {
			continue
		}
		file, err := os.ReadFile(filepath.Join(root, b.source))
		if err != nil {
			t.Errorf("README.md:%d: %v", b.line, err)
			continue
		}
		rest := "\n" + string(file)
		for paragraph := range strings.SplitSeq(strings.TrimSuffix(b.text, "\n"), "\n\n") {
			_, after, found := strings.Cut(rest, "\n"+paragraph+"\n")
			if !found {
				t.Errorf("README.md:%d: not in %s, or not in this order:\n%s", b.line, b.source, paragraph)
				break
			}
			rest = "\n" + after
		}
	}
}

// The blocks that are no excerpts make one package, which compiles once it has
// the imports that the README leaves out.
func TestReadmeCodeCompiles(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	files := t.TempDir()
	replace := map[string]string{} // as if the files were in the module
	for _, b := range blocks(t, "go") {
		if b.source != "" {
			continue
		}
		name := fmt.Sprintf("README_line_%d.go", b.line)
		if err := os.WriteFile(filepath.Join(files, name), []byte(withImports(t, b)), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(examples, "readme", name)] = filepath.Join(files, name)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(files, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", path, "./readme")
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("the README's code does not compile: %v\n%s", err, out)
	}
}

const module = "github.com/gochannels/channels"

var imports = map[string]string{
	"consumer": module + "/consumer", "group": module + "/group", "layer": module + "/layer", "redislayer": module + "/layer/redislayer",
	"context": "context", "errors": "errors", "http": "net/http", "os": "os", "signal": "os/signal", "syscall": "syscall", "time": "time",
}

func withImports(t *testing.T, b block) string {
	t.Helper()
	const clause = "package readme\n"
	line := fmt.Sprintf("//line README.md:%d\n", b.line+1)
	file, err := parser.ParseFile(token.NewFileSet(), "", clause+line+b.text, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString(clause)
	seen := map[string]bool{}
	for _, name := range file.Unresolved {
		if path := imports[name.Name]; path != "" && !seen[path] {
			seen[path] = true
			fmt.Fprintf(&text, "import %q\n", path)
		}
	}
	return text.String() + line + b.text
}

// Every command of the README is one whose subject can be looked up.
func TestReadmeCommandsExist(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t, "sh") {
		for command := range strings.Lines(b.text) {
			command = strings.TrimSpace(command)
			if err := checkCommand(t, command); err != nil {
				t.Errorf("README.md:%d: %s: %v", b.line, command, err)
			}
		}
	}
}

func checkCommand(t *testing.T, command string) error {
	words := strings.Fields(command)
	switch {
	case len(words) >= 3 && words[0] == "go" && words[1] == "get":
		for _, pkg := range words[2:] {
			files, err := parse(strings.TrimPrefix(pkg, module), parser.PackageClauseOnly)
			if err != nil {
				return err
			}
			if len(files) == 0 { // a module without a package at its root would not be complete
				return fmt.Errorf("there is no package %s", pkg)
			}
		}
		return nil
	case words[0] == "python3":
		return export(t, command)
	case len(words) == 3 && words[0] == "go" && words[1] == "run":
		files, err := parse(words[2], parser.PackageClauseOnly)
		if err == nil && (len(files) == 0 || files[0].Name.Name != "main") {
			err = errors.New("there is no such program")
		}
		return err
	case len(words) == 1 && strings.HasPrefix(command, "./"):
		info, err := os.Stat(filepath.Join(root, command))
		if err == nil && (info.IsDir() || info.Mode()&0o100 == 0) {
			err = errors.New("it cannot be executed")
		}
		return err
	}
	return errors.New("no rule of this test says how to check it")
}

// export runs a command that writes the settings of a Django project to
// layers.json.
func export(t *testing.T, command string) error {
	dir := t.TempDir()
	const settings = `CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [("redis.example", 6379)]}}}`
	if err := os.Mkdir(filepath.Join(dir, "mysite"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "mysite", "settings.py"), []byte(settings), 0o600); err != nil {
		return err
	}
	workspace, err := filepath.Abs(filepath.Join(root, "go.work"))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK="+workspace, "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	layers, err := os.ReadFile(filepath.Join(dir, "layers.json"))
	if err == nil && !strings.Contains(string(layers), "redis.example") {
		err = fmt.Errorf("it writes %q", layers)
	}
	return err
}

// parse parses a directory's files but tests.
func parse(dir string, mode parser.Mode) ([]*ast.File, error) {
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, parseErr := parser.ParseFile(token.NewFileSet(), path, nil, mode)
		files, err = append(files, file), errors.Join(err, parseErr)
	}
	return files, err
}

var (
	inline  = regexp.MustCompile("`([^`\n]+)`")
	name    = regexp.MustCompile(`^\*?(?:(consumer|layer|group|consumertest|layertest)\.)?([A-Z]\w*)(?:\.([A-Z]\w*))?$`)
	sources = []string{"consumer", "layer", "group", "testing/consumertest", "testing/layertest"}
)

// A name in backquotes that is qualified by one of our packages or types exists.
func TestReadmeNamesExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, dir := range sources {
		collect(t, dir, known)
	}
	for number, line := range strings.Split(readme(t), "\n") {
		for _, code := range inline.FindAllStringSubmatch(line, -1) {
			text := strings.ReplaceAll(code[1], "()", "")
			m := name.FindStringSubmatch(text)
			if m == nil || m[1] == "" && m[3] == "" {
				continue
			}
			if text = strings.TrimPrefix(text, "*"); !known[text] {
				t.Errorf("README.md:%d: there is no %s", number+1, text)
			}
		}
	}
}

// collect enters a package's names, as "layer.Memory", and their fields and
// methods, as "layer.Memory.Close" and "Memory.Close".
func collect(t *testing.T, dir string, known map[string]bool) {
	t.Helper()
	files, err := parse(dir, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	pkg := filepath.Base(dir)
	member := func(typ, name string) { known[typ+"."+name], known[pkg+"."+typ+"."+name] = true, true }
	inspect := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				known[pkg+"."+n.Name.Name] = true
			} else {
				member(strings.TrimPrefix(types.ExprString(n.Recv.List[0].Type), "*"), n.Name.Name)
			}
			return false
		case *ast.TypeSpec:
			known[pkg+"."+n.Name.Name] = true
			for _, name := range members(n.Type) {
				member(n.Name.Name, name)
			}
			return false
		case *ast.ValueSpec:
			for _, name := range n.Names {
				known[pkg+"."+name.Name] = true
			}
			return false
		}
		return true
	}
	for _, file := range files {
		ast.Inspect(file, inspect)
	}
}

func members(typ ast.Expr) (names []string) {
	var fields *ast.FieldList
	switch typ := typ.(type) {
	case *ast.StructType:
		fields = typ.Fields
	case *ast.InterfaceType:
		fields = typ.Methods
	default:
		return nil
	}
	for _, f := range fields.List {
		for _, name := range f.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

// Every option and every package is in the README.
func TestReadmeIsComplete(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for _, typ := range []reflect.Type{reflect.TypeFor[consumer.Options](), reflect.TypeFor[layer.Memory]()} {
		for field := range typ.Fields() {
			if mention := typ.Name() + "." + field.Name; field.IsExported() && !strings.Contains(text, "`"+mention+"`") {
				t.Errorf("README.md does not mention %s", mention)
			}
		}
	}
	private := []string{"internal", "testdata", "examples", "bench"}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains(private, entry.Name()) || len(path) > len(root) && strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if row := "\n| `" + filepath.ToSlash(dir) + "` |"; err == nil && !strings.Contains(text, row) {
			t.Errorf("README.md's table of packages lacks %s", dir)
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

var (
	link   = regexp.MustCompile(`\]\(([^)]+)\)`)
	banned = regexp.MustCompile(`(?i)\b(simply|just|basically|robust|powerful)\b`)
)

func TestReadmeLinksAndWords(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		anchor, local := strings.CutPrefix(m[1], "#")
		switch {
		case strings.HasPrefix(m[1], "https://"):
		case local && !strings.Contains(strings.ToLower(text), "\n## "+strings.ReplaceAll(anchor, "-", " ")+"\n"):
			t.Errorf("README.md links to the heading %s, which is not there", m[1])
		case !local:
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("README.md links to %s: %v", m[1], err)
			}
		}
	}
	if word := banned.FindString(text); word != "" {
		t.Errorf("README.md says %q", word)
	}
}
