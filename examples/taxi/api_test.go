package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// do makes a request; body is sent as JSON.
func (c *city) do(method, path, token string, body any) *httptest.ResponseRecorder {
	c.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(text))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

// post sends a body as it is.
func (c *city) post(path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

// A picture of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func TestSignUpWithAPhoto(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	picture, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	post := func(username string, photo []byte) *httptest.ResponseRecorder {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for k, v := range map[string]string{
			"username": username, "first_name": "Ada", "last_name": "Lindqvist",
			"password1": password, "password2": password, "group": Rider,
		} {
			if err := form.WriteField(k, v); err != nil {
				t.Fatal(err)
			}
		}
		file, err := form.CreateFormFile("photo", "photo.png")
		if err == nil {
			_, err = file.Write(photo)
		}
		if err == nil {
			err = form.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/api/sign_up/", &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		return w
	}

	w := post("ada", picture)
	got := decode[User](t, w)
	want := User{ID: got.ID, Username: "ada", FirstName: "Ada", LastName: "Lindqvist", Group: Rider, Photo: got.Photo}
	if diff := cmp.Diff(want, got); diff != "" || w.Code != http.StatusCreated || got.Photo == nil {
		t.Fatalf("status %d, user (-want +got):\n%s", w.Code, diff)
	}
	photo := c.do(http.MethodGet, *got.Photo, "", nil)
	if photo.Header().Get("Content-Type") != "image/png" || !bytes.Equal(photo.Body.Bytes(), picture) {
		t.Errorf("the photo is %s of %d bytes", photo.Header().Get("Content-Type"), photo.Body.Len())
	}
	for name, bad := range map[string][]byte{
		"a page":          []byte("<html><script>alert(1)</script>"),
		"a drawing":       []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`),
		"one too large":   append(bytes.Clone(picture), make([]byte, photoBytes+bodyBytes)...),
		"none, but empty": {},
	} {
		if w := post("mei", bad); w.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
	if w := c.do(http.MethodGet, photoPath+"none", "", nil); w.Code != http.StatusNotFound {
		t.Errorf("a photo that is not there: status %d", w.Code)
	}
}

func TestSignUpTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	c.person("ada", Rider)
	for _, bad := range []struct{ field, value, fault string }{
		{"username", "", "Choose"},
		{"username", "a b", "up to 40"},
		{"username", strings.Repeat("a", 41), "up to 40"},
		{"username", "ADA", "Somebody has"},
		{"first_name", strings.Repeat("a", 61), "up to 60"},
		{"last_name", "a\nb", "up to 60"},
		{"password1", "short", "at least 8"},
		{"password1", strings.Repeat("ä", 37), "at most 72"},
		{"password1", password + "\x00", "none of them zero"},
		{"password2", "something else", "Passwords must match."},
		{"group", "", "rider or a driver"},
		{"group", "admin", "rider or a driver"},
	} {
		form := map[string]string{"username": "mei", "password1": password, "password2": password, "group": Driver}
		form[bad.field] = bad.value
		w := c.do(http.MethodPost, "/api/sign_up/", "", form)
		got := decode[struct{ Error Problem }](t, w).Error
		if w.Code != http.StatusBadRequest || !strings.Contains(got.Fields[bad.field], bad.fault) {
			t.Errorf("%s %.20q: status %d, %+v", bad.field, bad.value, w.Code, got)
		}
	}
	for _, body := range []string{`"no object"`, `{`, `{"username":"mei"} {}`, ``} {
		if w := c.post("/api/sign_up/", "application/json", body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "not the JSON object") {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

// Names are written with letters, and in many scripts with marks and joiners.
func TestNamesOfAllScripts(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	for _, name := range []struct{ username, first, want string }{
		{"हिन्दी", "आशा", "आशा"},
		{"Ku\u0308che", "Ana\u00a0Maria ", "Ana Maria"},
		{"مینا", "می\u200cنا", "می\u200cنا"},
	} {
		form := map[string]string{"username": name.username, "first_name": name.first, "password1": password, "password2": password, "group": Rider}
		w := c.do(http.MethodPost, "/api/sign_up/", "", form)
		if u := decode[User](t, w); u.Username != name.username || u.FirstName != name.want {
			t.Errorf("%q: got %s", name.username, w.Body)
		}
	}
}

func TestLogIn(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	form := map[string]string{"username": "mei", "first_name": "Mei", "last_name": "Tanaka", "password1": password, "password2": password, "group": Driver}
	mei := decode[User](t, c.do(http.MethodPost, "/api/sign_up/", "", form))
	w := c.do(http.MethodPost, "/api/log_in/", "", map[string]string{"username": "mei", "password": password})
	tokens := decode[Tokens](t, w)
	for kind, token := range map[string]string{accessToken: tokens.Access, refreshToken: tokens.Refresh} {
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for claim, want := range map[string]any{
			"id": float64(mei.ID), "username": "mei", "first_name": "Mei", "last_name": "Tanaka", "group": Driver, "photo": nil, "token_type": kind,
		} {
			if v, ok := got[claim]; !ok || v != want {
				t.Errorf("%s: the claim %s is %v, want %v", kind, claim, v, want)
			}
		}
		lives := map[string]float64{accessToken: 3600, refreshToken: 86400}[kind]
		if got["exp"].(float64)-got["iat"].(float64) != lives {
			t.Errorf("%s: from %v to %v, want %v s", kind, got["iat"], got["exp"], lives)
		}
	}

	w = c.do(http.MethodPost, "/api/token/refresh/", "", map[string]string{"refresh": tokens.Refresh})
	if w := c.do(http.MethodGet, "/api/trip/", decode[Tokens](t, w).Access, nil); w.Code != http.StatusOK {
		t.Errorf("with the new token: %d", w.Code)
	}
	parts := "--x\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n"
	for kind, body := range map[string]string{
		"application/x-www-form-urlencoded": url.Values{"username": {"mei"}, "password": {password}}.Encode(),
		"multipart/form-data; boundary=x":   fmt.Sprintf(parts+parts+"--x--", "username", "mei", "password", password),
	} {
		if w := c.post("/api/log_in/", kind, body); decode[Tokens](t, w).Access == "" {
			t.Errorf("by %s: %d %s", kind, w.Code, w.Body)
		}
	}

	// bcrypt alone would take these for the passwords that they begin with.
	long := strings.Repeat("p", 72)
	form["username"], form["password1"], form["password2"] = "tomas", long, long
	decode[User](t, c.do(http.MethodPost, "/api/sign_up/", "", form))
	for _, bad := range [][2]string{{"mei", password + "\x00" + password}, {"tomas", long + "p"}, {"mei", "wrong"}, {"mei", ""}, {"", password}, {"nobody", "nobody"}, {"mei' OR 1=1 --", password}} {
		w := c.do(http.MethodPost, "/api/log_in/", "", map[string]string{"username": bad[0], "password": bad[1]})
		if got := decode[struct{ Error Problem }](t, w).Error; w.Code != http.StatusUnauthorized || got.Message != errWrongPassword.Message {
			t.Errorf("%q: status %d, %+v", bad, w.Code, got)
		}
	}
}

func TestListAndRetrieveTrips(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada, noor := c.person("ada", Rider), c.person("noor", Rider)
	one, two := c.trip(ada, nil), c.trip(ada, nil)
	c.trip(noor, nil)

	got := decode[[]Trip](t, c.do(http.MethodGet, "/api/trip/", ada.Access, nil))
	byID := map[string]Trip{}
	for _, trip := range got {
		byID[trip.ID] = trip
	}
	if diff := cmp.Diff(map[string]Trip{one.ID: one, two.ID: two}, byID); diff != "" {
		t.Errorf("trips (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(one, decode[Trip](t, c.do(http.MethodGet, "/api/trip/"+one.ID+"/", ada.Access, nil))); diff != "" {
		t.Errorf("trip (-want +got):\n%s", diff)
	}
	if w := c.do(http.MethodGet, "/api/trip/", "", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", w.Code)
	}
	if got := c.do(http.MethodGet, "/api/trip/", c.person("mei", Driver).Access, nil); len(decode[[]Trip](t, got)) != 3 {
		t.Errorf("a driver sees %s", got.Body)
	}
}

// A list is not endless. What it leaves out is what is missed least: others who wait,
// and not one's own trip; the past, and of it the older part.
func TestListLeavesOutWhatIsMissedLeast(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada, mei := c.person("ada", Rider), c.person("mei", Driver)
	own := c.trip(ada, &mei)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := c.store.db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("UPDATE trips SET created = 1")
	exec(`INSERT INTO trips (id, created, updated, pick_up_address, drop_off_address, status, rider_id)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= ?)
		SELECT 'trip ' || i, i + 1, i + 1, 'Station', 'Harbour', 'REQUESTED', ? FROM n`, listed, ada.ID)
	expect := func(want ...string) {
		t.Helper()
		var got []string
		for _, trip := range decode[[]Trip](t, c.do(http.MethodGet, "/api/trip/", mei.Access, nil)) {
			got = append(got, trip.ID)
		}
		if len(got) != listed || cmp.Diff(want, got[:len(want)]) != "" {
			t.Errorf("%d trips, the first are %q, want %q", len(got), got[:len(want)], want)
		}
	}
	expect(own.ID, "trip 1", "trip 2")
	exec("UPDATE trips SET status = 'COMPLETED', driver_id = ? WHERE status = 'REQUESTED'", mei.ID)
	expect(own.ID, fmt.Sprint("trip ", listed+1), fmt.Sprint("trip ", listed))
}

func TestUnknownRequestsAreAnsweredInJSON(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	for _, r := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodGet, "/api/", http.StatusNotFound, ""},
		{http.MethodPost, "/api/nothing/", http.StatusNotFound, ""},
		{http.MethodGet, "/api/log_in/", http.StatusMethodNotAllowed, http.MethodPost},
		{http.MethodDelete, "/api/trip/1/", http.StatusMethodNotAllowed, http.MethodGet},
	} {
		w := c.do(r.method, r.path, "", nil)
		problem := decode[struct{ Error *Problem }](t, w).Error
		if w.Code != r.status || problem == nil || w.Header().Get("Allow") != r.allow {
			t.Errorf("%s %s: %d, allowed %q, %s", r.method, r.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
	if w := c.do(http.MethodGet, "/api/trip", "", nil); w.Header().Get("Location") != "/api/trip/" {
		t.Errorf("without the last slash: %d to %q", w.Code, w.Header().Get("Location"))
	}
}
