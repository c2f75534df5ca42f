import type { ServerResponse } from 'node:http'

/** The HTTP response of an endpoint. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
}

const noStore = { 'cache-control': 'no-store' }

export function json(body: object, status = 200, headers: Answer['headers'] = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...noStore, ...headers }, body: JSON.stringify(body) }
}

/** An error response of RFC 6749 section 5.2. */
export function oauthError(
  status: number,
  error: string,
  description: string,
  headers: Answer['headers'] = {},
): Answer {
  return json({ error, error_description: description }, status, headers)
}

export function redirect(location: string, headers: Answer['headers'] = {}, status = 302): Answer {
  return { status, headers: { location, ...noStore, ...headers }, body: '' }
}

/** An HTML page. Its policy loads nothing else, runs only scripts with the nonce, and allows frames only from `frames`. */
export function page(
  html: string,
  status = 200,
  headers: Answer['headers'] = {},
  { nonce, frames = [] }: { readonly nonce?: string | undefined; readonly frames?: readonly string[] } = {},
): Answer {
  const scripts = nonce === undefined ? '' : `; script-src 'nonce-${nonce}'`
  const framed = frames.length === 0 ? '' : `; frame-src ${frames.map((url) => new URL(url).origin).join(' ')}`
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'${scripts}${framed}`,
      ...noStore,
      ...headers,
    },
    body: html,
  }
}

export async function fromResponse(response: Response): Promise<Answer> {
  const headers: Record<string, string | string[]> = Object.fromEntries(response.headers)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) headers['set-cookie'] = cookies
  return { status: response.status, headers, body: await response.text() }
}

export function setHead({ status, headers }: Answer, to: ServerResponse): void {
  to.statusCode = status
  for (const [name, value] of Object.entries(headers)) to.setHeader(name, value)
}

export function send(answer: Answer, to: ServerResponse): void {
  setHead(answer, to)
  to.end(answer.body)
}
