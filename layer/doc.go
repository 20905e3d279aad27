// Package layer carries messages between channels.
package layer
