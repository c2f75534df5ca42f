import type { Agent } from 'node:http'
import type { CookieJar } from './cookie-jar.ts'
import type { FormFields, UserAgentResponse } from './user-agent-response.ts'

/** How a user agent is set up. */
export interface UserAgentOptions {
  /** What relative URLs are resolved against. Default: none, so that URLs must be absolute. */
  readonly baseUrl?: string | undefined
  /** The clock of the cookies, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** How many requests one navigation may take, redirects and refreshes included. Default 20, as in browsers. */
  readonly maxHops?: number | undefined
  /** Headers of every request; `undefined` leaves out one that a browser would send. */
  readonly headers?: RequestHeaders | undefined
  /**
   * The site of a URL. Default: scheme and host, so that two ports of one host are one site, as in browsers. With
   * `(url) => url.origin` each of them is a site of its own.
   */
  readonly site?: ((url: URL) => string) | undefined
  /**
   * Plays the reverse proxy in front of an application: requests to the origin on the left (`https://app.example.com`)
   * go to the one on the right (`http://127.0.0.1:3000`) with `Host` and `X-Forwarded-*` as a proxy sets them.
   */
  readonly proxies?: Readonly<Record<string, string>> | undefined
  /** Keeps connections. Default: each request has its own, which is closed with it. */
  readonly agent?: Agent | undefined
  /** A certificate to trust, in PEM. */
  readonly ca?: string | undefined
}

/** Header fields by name, in any case. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>

/** How one request is to be made. */
export interface UserAgentInit {
  /** Headers of this request and those it is redirected to; `undefined` leaves out one that a browser would send. */
  readonly headers?: RequestHeaders | undefined
  /** `manual`: returns the redirect itself. Default `follow`. */
  readonly redirect?: 'follow' | 'manual' | undefined
  /** The page, or the URL of the page, where this begins. Default: typed by the user; for `post`, `fetch`: the URL's own origin. */
  readonly from?: UserAgentResponse | string | undefined
  /** Begins at a page of another site, `https://elsewhere.example/`. Default false. */
  readonly crossSite?: boolean | undefined
  /** Follows `<meta http-equiv="refresh" content="0;url=...">`. Default true; navigations only. */
  readonly followRefresh?: boolean | undefined
  /** Sends forms that send themselves by a script (`response_mode=form_post`). Default true; navigations only. */
  readonly followForms?: boolean | undefined
  /** Gives up when it is aborted. Default: waits for as long as the server does. */
  readonly signal?: AbortSignal | undefined
}

/** How a script's request is to be made. */
export interface FetchInit extends UserAgentInit {
  /** Default `GET`. */
  readonly method?: string | undefined
  /** A form, or text that `headers` says the type of. */
  readonly body?: FormFields | string | undefined
}

/** How a form is to be sent. */
export interface SubmitInit extends UserAgentInit {
  /** Which form: its index, `id` or `name`. Default: the one that has the button, else the first. */
  readonly form?: number | string | undefined
  /** The button to press, by its value, name or label. Default: the first. */
  readonly button?: string | undefined
  /** What the user fills in, in place of what the fields contain. */
  readonly fields?: Readonly<Record<string, string>> | undefined
}

/** A browser without a screen: cookies, redirects, forms, and the headers by which pages and scripts are told apart. */
export interface UserAgent {
  /** The cookies. */
  readonly jar: CookieJar
  /** Goes to a page, as if typed into the address bar. */
  get(url: string | URL, init?: UserAgentInit): Promise<UserAgentResponse>
  /** Sends a form that a page of the same origin has. */
  post(url: string | URL, form?: FormFields, init?: UserAgentInit): Promise<UserAgentResponse>
  /** Does what a page's script does with `fetch()`. */
  fetch(url: string | URL, init?: FetchInit): Promise<UserAgentResponse>
  /** Sends a form of a page. */
  submit(page: UserAgentResponse, init?: SubmitInit): Promise<UserAgentResponse>
  /** Follows a link of a page, named by its text or its `href`. */
  click(page: UserAgentResponse, link: string, init?: UserAgentInit): Promise<UserAgentResponse>
}
