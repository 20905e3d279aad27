// Package browsertest holds the tests that need a browser: the pages of the chat and
// of the taxi in headless Chromium, two browsers on one server or on two.
//
// Chromium has to be installed; a machine without it fails the tests. With
// CHANNELS_SCREENSHOTS set to a folder, they leave pictures of the page there.
//
// The browser is driven by chromedp: it speaks the browser's own protocol, needs no
// driver program beside it, has one dependency, and is released with each version
// of that protocol. It is required by this module alone.
package browsertest
