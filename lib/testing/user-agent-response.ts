import type { JsonObject } from './change.ts'
import type { Cookie } from './cookie-jar.ts'
import type { HttpAnswer } from './http-call.ts'

/** The fields of a form; an array sends a field more than once. */
export type FormFields =
  URLSearchParams | Readonly<Record<string, string | readonly string[]>> | readonly (readonly [string, string])[]

/** One request on the way to a page. */
export interface UserAgentHop {
  readonly method: string
  readonly url: string
  readonly status: number
  readonly requestHeaders: Readonly<Record<string, string>>
  readonly headers: Headers
  /** The cookies that were taken; one that deletes a cookie is among them, with its `expiresAt` in the past. */
  readonly cookiesSet: readonly Cookie[]
}

/** What a user agent got in the end. */
export interface UserAgentResponse {
  /** Of the page, after all redirects. */
  readonly url: string
  readonly status: number
  readonly headers: Headers
  /** Every request that was made, in order; the last is the one for this page. */
  readonly hops: readonly UserAgentHop[]
  /** The cookies taken on the whole way. */
  readonly cookiesSet: readonly Cookie[]
  text(): string
  /** The body, a JSON object; throws an error that shows the body where it is not. */
  json(): JsonObject
}

export function newResponse(
  url: URL,
  { status, headers, body }: HttpAnswer,
  hops: readonly UserAgentHop[],
): UserAgentResponse {
  const way = [...hops]
  return {
    url: url.href,
    status,
    headers,
    hops: way,
    cookiesSet: way.flatMap((hop) => hop.cookiesSet),
    text: () => body,
    json: (): JsonObject => {
      try {
        return JSON.parse(body) as JsonObject
      } catch (error) {
        throw new Error(`not JSON (${status} ${url.href}): ${body.slice(0, 500)}`, { cause: error })
      }
    },
  }
}
