import type { TestJsonObject } from './change.ts'
import type { UserAgentCookie } from './cookie-jar.ts'
import type { HttpAnswer } from './http-call.ts'

/** The fields of a form. An array repeats a field. */
export type UserAgentFormFields =
  URLSearchParams | Readonly<Record<string, string | readonly string[]>> | readonly (readonly [string, string])[]

/** One request of a navigation, with its response. */
export interface UserAgentHop {
  /** The HTTP method. */
  readonly method: string
  /** The requested URL. */
  readonly url: string
  /** The HTTP status of the response. */
  readonly status: number
  /** The sent header fields, by name in lower case. */
  readonly requestHeaders: Readonly<Record<string, string>>
  /** The header fields of the response. */
  readonly headers: Headers
  /** The cookies that the response set, including deleted ones: their `expiresAt` is in the past. */
  readonly cookiesSet: readonly UserAgentCookie[]
}

/** The final response of a request. */
export interface UserAgentResponse {
  /** The URL after all redirects. */
  readonly url: string
  /** The HTTP status. */
  readonly status: number
  /** The header fields. */
  readonly headers: Headers
  /** All requests, in order. The last is the one for this response. */
  readonly hops: readonly UserAgentHop[]
  /** The cookies that the responses to all `hops` set, in order. */
  readonly cookiesSet: readonly UserAgentCookie[]
  /** Returns the body as text.
   * @example expect(page.text()).toContain('Alice Adams') */
  text(): string
  /** Returns the body as a JSON object.
   * @throws Error that shows the body, if the body is not JSON
   * @example expect(answer.json()).toEqual({ sub: 'alice' }) */
  json(): TestJsonObject
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
    json: (): TestJsonObject => {
      try {
        return JSON.parse(body) as TestJsonObject
      } catch (error) {
        throw new Error(`the response is not JSON (${status} ${url.href}): ${body.slice(0, 500)}`, { cause: error })
      }
    },
  }
}
