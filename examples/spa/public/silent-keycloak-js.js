// @ts-nocheck: runs in the browser, whose types are not part of this program.
// Gives the address to the page around this frame, and to none of another origin.
parent.postMessage(location.href, location.origin)
