import { fail } from '../core/errors.ts'
import { isSecureUrl } from '../core/urls.ts'

/** Maximum size of a response, in bytes. */
const mostBytes = 1024 * 1024

/** Settings of the requests to a provider. */
export interface HttpClientOptions {
  readonly fetch: typeof globalThis.fetch | undefined
  readonly timeoutSeconds: number
  readonly allowInsecure: boolean
}

/**
 * A `fetch` for the provider. It limits time and size, including the body, and follows no redirects. Beyond loopback it
 * requires `https:`, unless `allowInsecure` is set.
 */
export type HttpClient = (url: string, init: RequestInit) => Promise<Response>

export function makeHttpClient(options: HttpClientOptions): HttpClient {
  return async (url, init) => {
    if (!isSecureUrl(url, options.allowInsecure)) {
      throw new Error(`a request to ${new URL(url).origin} would be unencrypted; use https:, except on loopback`)
    }
    // Not AbortSignal.any: Node 20 never releases the listeners of such a signal.
    const controller = new AbortController()
    const { signal } = controller
    const late = (): void =>
      controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
    const timer = setTimeout(late, Math.ceil(options.timeoutSeconds * 1000)).unref()
    const given = (): void => controller.abort(init.signal?.reason)
    init.signal?.addEventListener('abort', given)
    if (init.signal?.aborted) given()
    try {
      return await send(options.fetch ?? globalThis.fetch, url, { ...init, redirect: 'manual', signal })
    } finally {
      clearTimeout(timer)
      init.signal?.removeEventListener('abort', given)
    }
  }
}

async function send(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit & { readonly signal: AbortSignal },
): Promise<Response> {
  const { signal } = init
  // The application's own `fetch` may ignore the signal.
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  aborted.catch(() => {})
  const answer = fetch(url, init)
  answer.catch(() => {})
  const response = await Promise.race([answer, aborted])
  const body = await readBounded(response, aborted)
  // `Response` must not have a body with these (Fetch Standard, null body status).
  const empty = response.status === 204 || response.status === 205 || response.status === 304
  return new Response(empty ? null : body, { status: response.status, headers: response.headers })
}

async function readBounded(response: Response, aborted: Promise<never>): Promise<Uint8Array<ArrayBuffer>> {
  requireReadable(response)
  if (!response.body) return new Uint8Array()
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), aborted])
      if (done) break
      size += value.byteLength
      if (size > mostBytes) throw new Error(`the response exceeds ${mostBytes} bytes`)
      chunks.push(value)
    }
  } catch (error) {
    reader.cancel().catch(() => {})
    throw error
  }
  return new Uint8Array(Buffer.concat(chunks))
}

/** Throws if the application's own `fetch` returned something else than a response of the Fetch Standard. */
function requireReadable(response: Partial<Response> | undefined): void {
  const { status, headers, body } = response ?? {}
  const isReadable =
    body === null || body === undefined || typeof (body as Partial<typeof body>).getReader === 'function'
  if (typeof status === 'number' && headers && isReadable) return
  const problem = isReadable ? 'is no Response of the Fetch Standard' : 'has a body that is no ReadableStream'
  throw fail(
    'setup_invalid',
    `what \`fetch\` returned ${problem}, as with the package node-fetch; pass the \`fetch\` of Node or of undici, with a \`dispatcher\` for a proxy`,
  )
}
