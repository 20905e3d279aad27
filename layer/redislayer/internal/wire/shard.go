package wire

import "hash/crc32"

// slots is how many parts channels_redis divides all names into.
const slots = 4096

// Shard returns which of n servers a name belongs to, as channels_redis computes it.
func Shard(name string, n int) int {
	if n <= 1 {
		return 0
	}
	slot := crc32.ChecksumIEEE([]byte(name)) % slots
	// A float, as in Python: for some n an integer division falls into the neighbouring shard.
	return int(float64(slot) / (float64(slots) / float64(n)))
}
