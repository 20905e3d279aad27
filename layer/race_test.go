//go:build race

package layer_test

// raceEnabled is set where sync.Pool forgets on purpose.
const raceEnabled = true
