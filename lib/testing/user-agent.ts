import { checkMembers, checkWholeNumber, fail } from './checks.ts'
import { type UserAgentCookie, CookieJar } from './cookie-jar.ts'
import { chooseForm, encodeForm, fillIn } from './form-submission.ts'
import { readForms, readLinks, readRefresh, submitsItself } from './html-reader.ts'
import { callHttp } from './http-call.ts'
import {
  browserHeaders,
  fetchSite,
  type Initiator,
  type Journey,
  methodAfter,
  type FindSite,
  findSite,
} from './navigation.ts'
import type {
  UserAgentFetchInit,
  UserAgentHeaders,
  UserAgentSubmitInit,
  UserAgent,
  UserAgentInit,
  UserAgentOptions,
} from './user-agent-options.ts'
import {
  type UserAgentFormFields,
  newResponse,
  type UserAgentHop,
  type UserAgentResponse,
} from './user-agent-response.ts'

interface Outgoing {
  readonly mode: Journey['mode']
  readonly method: string
  readonly url: URL
  readonly body: string | undefined
  readonly contentType: string | undefined
  readonly initiator: Initiator
  readonly referrerPolicy: string
  readonly byUser: boolean
}

const formType = 'application/x-www-form-urlencoded'
const elsewhere = new URL('https://elsewhere.example/')

function lowerCased(headers: UserAgentHeaders = {}): UserAgentHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

class Browser implements UserAgent {
  readonly jar: CookieJar
  readonly #options: UserAgentOptions
  readonly #site: FindSite

  constructor(options: UserAgentOptions) {
    this.jar = new CookieJar(options.now)
    this.#options = options
    this.#site = options.site ?? findSite
  }

  async get(url: string | URL, init: UserAgentInit = {}): Promise<UserAgentResponse> {
    const target = this.#resolve(url)
    return await this.#go({ ...this.#origin(init, undefined), mode: 'navigate', method: 'GET', url: target }, init)
  }

  async post(url: string | URL, form: UserAgentFormFields = {}, init: UserAgentInit = {}): Promise<UserAgentResponse> {
    const target = this.#resolve(url)
    const body = encodeForm(form)
    const origin = this.#origin(init, new URL('/', target))
    return await this.#go(
      { ...origin, mode: 'navigate', method: 'POST', url: target, body, contentType: formType },
      init,
    )
  }

  async fetch(url: string | URL, init: UserAgentFetchInit = {}): Promise<UserAgentResponse> {
    const target = this.#resolve(url)
    const { method = 'GET', body } = init
    const text = body === undefined || typeof body === 'string' ? body : encodeForm(body)
    const contentType = body === undefined || typeof body === 'string' ? undefined : formType
    const origin = this.#origin(init, new URL('/', target))
    return await this.#go({ ...origin, mode: 'cors', method, url: target, body: text, contentType }, init)
  }

  async submit(page: UserAgentResponse, init: UserAgentSubmitInit = {}): Promise<UserAgentResponse> {
    return await this.#go(this.#formRequest(page, init, true), init)
  }

  async click(page: UserAgentResponse, link: string, init: UserAgentInit = {}): Promise<UserAgentResponse> {
    const links = readLinks(page.text())
    const found = links.find(({ text, href }) => text === link || href === link)
    if (found === undefined) {
      throw new Error(
        `the link "${link}" does not exist; the page has ${links.map(({ text }) => `"${text}"`).join(', ') || 'none'}`,
      )
    }
    return await this.get(new URL(found.href, page.url), { from: page, ...init })
  }

  #resolve(url: string | URL): URL {
    return new URL(url, this.#options.baseUrl)
  }

  #origin(
    { from, crossSite }: UserAgentInit,
    byDefault: Initiator,
  ): Pick<Outgoing, 'initiator' | 'referrerPolicy' | 'byUser' | 'body' | 'contentType'> {
    const rest = { byUser: true, body: undefined, contentType: undefined }
    if (crossSite) return { ...rest, initiator: elsewhere, referrerPolicy: '' }
    if (from === undefined || typeof from === 'string') {
      return { ...rest, initiator: from === undefined ? byDefault : this.#resolve(from), referrerPolicy: '' }
    }
    return { ...rest, initiator: new URL(from.url), referrerPolicy: from.headers.get('referrer-policy') ?? '' }
  }

  #formRequest(page: UserAgentResponse, init: UserAgentSubmitInit, byUser: boolean): Outgoing {
    const { form, button } = chooseForm(readForms(page.text()), init)
    const fields = fillIn(form, init.fields ?? {})
    if (button?.name !== undefined && byUser) fields.push([button.name, button.value])
    const url = new URL((button?.action ?? form.action) || page.url, page.url)
    const origin = { ...this.#origin({ from: page, ...init }, undefined), byUser }
    if (form.method === 'post') {
      return { ...origin, mode: 'navigate', method: 'POST', url, body: encodeForm(fields), contentType: formType }
    }
    url.search = encodeForm(fields)
    return { ...origin, mode: 'navigate', method: 'GET', url }
  }

  async #go(outgoing: Outgoing, init: UserAgentInit): Promise<UserAgentResponse> {
    const { maxHops = 20 } = this.#options
    const hops: UserAgentHop[] = []
    let next: Outgoing | undefined = outgoing
    let response: UserAgentResponse | undefined
    while (next !== undefined) {
      response = await this.#followRedirects(next, init, hops, maxHops)
      next = this.#nextOfPage(response, next, init)
    }
    return response as UserAgentResponse
  }

  /** Returns the request that a page makes without an action of the user; undefined if it makes none. */
  #nextOfPage(page: UserAgentResponse, { mode }: Outgoing, init: UserAgentInit): Outgoing | undefined {
    const isPage = page.headers.get('content-type')?.startsWith('text/html')
    if (mode !== 'navigate' || init.redirect === 'manual' || !isPage) return undefined
    const refresh = (init.followRefresh ?? true) ? readRefresh(page.text()) : undefined
    const from = { ...this.#origin({ from: page }, undefined), byUser: false }
    if (refresh !== undefined) return { ...from, mode, method: 'GET', url: new URL(refresh, page.url) }
    return (init.followForms ?? true) && submitsItself(page.text()) ? this.#formRequest(page, {}, false) : undefined
  }

  async #followRedirects(
    outgoing: Outgoing,
    init: UserAgentInit,
    hops: UserAgentHop[],
    maxHops: number,
  ): Promise<UserAgentResponse> {
    let { method, body } = outgoing
    const urls = [outgoing.url]
    for (;;) {
      if (hops.length >= maxHops) {
        const last = hops.slice(-4).map((hop) => `${hop.status} ${hop.url}`)
        throw new Error(`the redirects exceed ${maxHops} requests; the last are:\n${last.join('\n')}`)
      }
      const answer = await this.#call({ ...outgoing, method, body }, urls, init, hops)
      const location = answer.headers.get('location')
      const { url } = answer
      if (init.redirect === 'manual' || location === null || ![301, 302, 303, 307, 308].includes(answer.status)) {
        return answer
      }
      if (!URL.canParse(location, url)) return answer
      const target = new URL(location, url)
      if (target.protocol !== 'http:' && target.protocol !== 'https:') return answer
      if (target.hash === '') target.hash = new URL(url).hash
      const after = methodAfter(answer.status, method)
      method = after.method
      if (!after.keepsBody) body = undefined
      urls.push(target)
    }
  }

  async #call(
    outgoing: Outgoing,
    urls: readonly URL[],
    init: UserAgentInit,
    hops: UserAgentHop[],
  ): Promise<UserAgentResponse> {
    const { mode, method, initiator, body, contentType } = outgoing
    const url = urls.at(-1) as URL
    const journey: Journey = {
      mode,
      method,
      initiator,
      referrerPolicy: outgoing.referrerPolicy,
      urls,
      byUser: outgoing.byUser,
    }
    const crossSite = fetchSite(journey, this.#site) === 'cross-site'
    // Credentials "same-origin": a script's request to another origin carries no cookies.
    const sendsCookies = mode === 'navigate' || url.origin === initiator?.origin
    const safeNavigation = mode === 'navigate' && (method === 'GET' || method === 'HEAD')
    const cookie = sendsCookies ? this.jar.header(url, { crossSite, safeNavigation }) : undefined
    const wanted: UserAgentHeaders = {
      ...browserHeaders(journey, this.#site),
      ...(cookie === undefined ? {} : { cookie }),
      ...(body === undefined || contentType === undefined ? {} : { 'content-type': contentType }),
      ...lowerCased(this.#options.headers),
      ...lowerCased(init.headers),
    }
    const headers = Object.fromEntries(
      Object.entries(wanted).filter((entry): entry is [string, string] => entry[1] !== undefined),
    )
    const { agent, ca, proxies = {} } = this.#options
    const answer = await callHttp({ url, method, headers, body, signal: init.signal, agent, ca, proxies })
    const cookiesSet = sendsCookies
      ? answer.headers.getSetCookie().flatMap((line): UserAgentCookie | never[] => this.jar.set(line, url) ?? [])
      : []
    hops.push({
      method,
      url: url.href,
      status: answer.status,
      requestHeaders: headers,
      headers: answer.headers,
      cookiesSet,
    })
    return newResponse(url, answer, hops)
  }
}

/**
 * Creates a user agent without cookies.
 *
 * @throws TypeError that names the first invalid option
 * @example
 * ```ts
 * const browser = createUserAgent({ baseUrl: 'http://localhost:3000' })
 * const page = await browser.get('/profile') // follows the redirects to the provider and back
 * ```
 */
export function createUserAgent(options: UserAgentOptions = {}): UserAgent {
  const known = ['baseUrl', 'now', 'maxHops', 'headers', 'site', 'proxies', 'agent', 'ca']
  checkMembers(options, known, 'the options of createUserAgent')
  if (options.maxHops !== undefined) checkWholeNumber(options.maxHops, 1, 1000, 'maxHops')
  if (options.baseUrl !== undefined && !URL.canParse(options.baseUrl)) fail('baseUrl must be an absolute URL')
  return new Browser(options)
}
