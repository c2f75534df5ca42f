import type { TestJsonObject } from './change.ts'
import type { UserAgentCookie } from './cookie-jar.ts'
import type { HttpAnswer } from './http-call.ts'

/** The fields of a form. An array repeats a field. */
export type UserAgentFormFields =
  URLSearchParams | Readonly<Record<string, string | readonly string[]>> | readonly (readonly [string, string])[]

/** One request of a navigation, with its response. */
export interface UserAgentHop {
  readonly method: string
  readonly url: string
  readonly status: number
  readonly requestHeaders: Readonly<Record<string, string>>
  readonly headers: Headers
  /** The cookies that the response set. A deleted cookie is among them, with an `expiresAt` in the past. */
  readonly cookiesSet: readonly UserAgentCookie[]
}

/** The final response of a request. */
export interface UserAgentResponse {
  /** The URL after all redirects. */
  readonly url: string
  readonly status: number
  readonly headers: Headers
  /** All requests, in order. The last is the one for this response. */
  readonly hops: readonly UserAgentHop[]
  /** The cookies that all these responses set. */
  readonly cookiesSet: readonly UserAgentCookie[]
  /** The body as text. */
  text(): string
  /**
   * The body as a JSON object.
   *
   * @throws Error that shows the body, if it is not JSON.
   */
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
