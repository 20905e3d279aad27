package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer"
)

// Whoever comes back after a restart finds all as it was, and his token still holds.
func TestRestartLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a folder", "taxi?#%.db")
	if _, err := OpenStore(t.Context(), path); err == nil {
		t.Fatal("a file is made in a folder that is not there")
	}
	path = filepath.Join(t.TempDir(), "taxi ?#%.db")
	before := newCityIn(t, path)
	ada, mei := before.person("ada", Rider), before.person("mei", Driver)
	trips := []Trip{before.trip(ada, &mei), before.trip(ada, nil)}
	if err := before.store.Close(); err != nil {
		t.Fatal(err)
	}

	after := newCityIn(t, path)
	got, err := after.store.Trips(t.Context(), mei.User)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	for _, trip := range trips {
		got, err := after.store.FindTrip(t.Context(), ada.User, trip.ID)
		if diff := cmp.Diff(trip, got); diff != "" || err != nil {
			t.Errorf("trip (-want +got):\n%s (%v)", diff, err)
		}
	}
	rider := after.connect(ada)
	if a := ask(after.connect(mei), "update.trip", "1", map[string]any{"id": trips[0].ID, "status": InProgress}); a.Error != nil {
		t.Error(a.Error)
	}
	if a := hear(rider); a.Data.Status != InProgress {
		t.Errorf("the rider hears %+v", a)
	}
}

// The file has the key of all tokens: whoever reads it is anybody.
func TestStoreIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "taxi.db")
	newCityIn(t, path).person("ada", Rider)
	for _, end := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode(); mode != 0o600 {
			t.Errorf("taxi.db%s has the mode %v", end, mode)
		}
	}
}

// A file of the first schema gets the others; one of a newer program is left alone.
func TestMigrations(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "taxi.db")
	store := openStore(t, path)
	for _, step := range []string{"DROP TABLE trips", "PRAGMA user_version = 1", "INSERT INTO users (username, first_name, last_name, grp, password) VALUES ('ada', '', '', 'rider', '')"} {
		if _, err := store.db.ExecContext(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	again := openStore(t, path)
	u, _, err := again.Password(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if trips, err := again.Trips(t.Context(), u); err != nil || len(trips) != 0 {
		t.Error(trips, err)
	}
	if _, err := again.db.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(t.Context(), path); err == nil || !strings.Contains(err.Error(), "made by a newer one") {
		t.Errorf("error %v", err)
	}
}

func TestDemoUsersAreLetInAndKeptOut(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	logIn := func() error {
		_, err := c.accounts.LogIn(t.Context(), "ada", DemoPassword)
		return err
	}
	for range 2 {
		if err := c.accounts.SeedDemo(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if err := logIn(); err != nil {
			t.Error(err)
		}
		if err := c.accounts.SeedDemo(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if err := logIn(); err == nil {
			t.Error("a demo user is let in without -demo")
		}
	}
}

func TestSite(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	for _, p := range []struct {
		path   string
		status int
		has    string
	}{
		{"/", http.StatusOK, "Log in"},
		{"/rider/", http.StatusOK, `data-group="rider"`},
		{"/driver/", http.StatusOK, `data-group="driver"`},
		{"/static/link.js", http.StatusOK, "WebSocket"},
		{"/static/taxi.css", http.StatusOK, ".toast"},
		{"/static/icon.svg", http.StatusOK, "<svg"},
		{"/static/", http.StatusNotFound, ""}, // no list of the files
		{"/api/demo/", http.StatusOK, "tomas"},
		{"/nowhere", http.StatusNotFound, ""},
		{"/taxi/", http.StatusUnauthorized, "Log in first"},
		{"/healthz", http.StatusOK, "ok"},
	} {
		w := c.do(http.MethodGet, p.path, "", nil)
		if w.Code != p.status || !strings.Contains(w.Body.String(), p.has) {
			t.Errorf("%s: %d, want %d with %q in:\n%.300s", p.path, w.Code, p.status, p.has, w.Body)
		}
		if w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no Content-Security-Policy", p.path)
		}
	}
	closed := c.site
	closed.Demo = false
	w := httptest.NewRecorder()
	closed.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/demo/", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("demo users without -demo: %d, want 404", w.Code)
	}
	if err := consumer.Shutdown(t.Context(), c.site.Taxi); err != nil {
		t.Fatal(err)
	}
	if w := c.do(http.MethodGet, "/healthz", "", nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("draining: %d, want 503", w.Code)
	}
}

// A store that fails is answered for, and kills no connection.
func TestBrokenStoreIsAnswered(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada := c.person("ada", Rider)
	rider := c.connect(ada)
	if err := c.store.Close(); err != nil {
		t.Fatal(err)
	}
	a := ask(rider, "create.trip", "1", map[string]any{"pick_up_address": "Station", "drop_off_address": "Harbour"})
	if codeOf(a) != codeUnavailable || a.ID != "1" {
		t.Errorf("got %+v", a)
	}
	settle(rider)
	r := httptest.NewRequest(http.MethodGet, "/taxi/?token="+ada.Access, nil)
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "sql") {
		t.Errorf("a new connection: %d %s", w.Code, w.Body)
	}
}

func TestTakenAddressIsNamed(t *testing.T) {
	t.Parallel()
	other, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	address := other.Addr().String()
	err = run(ctx, Config{Addr: address, DB: filepath.Join(t.TempDir(), "taxi.db"), Drain: time.Second}, t.Output())
	if err == nil || !strings.Contains(err.Error(), address+" is taken") {
		t.Errorf("error %v, want that %s is taken", err, address)
	}
}
