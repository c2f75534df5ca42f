let silenced = false

/** oidc-provider says on the console that memory and defaults are not for production; here they are what is wanted. */
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
