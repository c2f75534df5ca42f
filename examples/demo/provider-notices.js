let silenced = false

/** Hides oidc-provider's notices that memory and defaults are not for production: the demo uses them on purpose. */
export function silenceNotices() {
  if (silenced) return
  silenced = true
  for (const method of /** @type {const} */ (['info', 'warn'])) {
    const print = console[method]
    console[method] = (/** @type {unknown[]} */ ...parts) => {
      if (!/oidc-provider (NOTICE|WARNING)/.test(String(parts[0]))) print.apply(console, parts)
    }
  }
}
