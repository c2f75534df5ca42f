// @ts-nocheck: runs in the browser, whose types are not part of this program.
// Passes the URL to the page around this frame, and to no page of another origin.
parent.postMessage(location.href, location.origin)
