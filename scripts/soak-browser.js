/** The browsers of the soak run. Each repeatedly logs in, requests guarded routes, and logs out or logs in again. */

/**
 * The data that all browsers share.
 *
 * @typedef {object} Run
 * @property {import('./soak-http.js').Connections[]} servers
 * @property {import('./soak-http.js').Connections} provider
 * @property {string} baseUrl
 * @property {number} users
 * @property {{ logins: number, guarded: number, logouts: number, returns: number, lost: number, wrong: number }} counts
 * @property {(text: string) => undefined} fault
 */

/** The data of a login that each response must contain. @typedef {{ user: string, mark: string | undefined, visits: number }} Login */

/** The share of logins that end with a logout. */
const logoutShare = 0.3
/** The share of logins that are followed by another login in the same session, half of them as the same user. */
const returnShare = 0.3
/** The share of guarded requests that write to the session. */
const visitShare = 0.1

export class Browser {
  /** @type {Map<string, string>} */
  #cookies = new Map()
  /** @type {string} */
  #providerCookie = ''
  /** The login that still exists when the next login begins. @type {Login | undefined} */
  #former
  #run
  #number
  #logins = 0

  /** @param {Run} run @param {number} number */
  constructor(run, number) {
    this.#run = run
    this.#number = number
  }

  /** @param {() => number | undefined} nextLogin number of guarded requests after the next login; undefined: stop for now */
  async go(nextLogin) {
    const { counts } = this.#run
    for (let requests = nextLogin(); requests !== undefined; requests = nextLogin()) {
      const former = this.#former
      this.#former = undefined
      if (!former) this.#cookies.clear()
      const formerCookie = this.#cookieHeader()
      const login = await this.#logIn(former)
      if (!login) continue
      if (former) await this.#mustBeOut(formerCookie, 'a session that another replaced')
      for (let request = 0; request < requests; request++) await this.#ask(login)
      const dice = Math.random()
      if (dice < logoutShare) await this.#logOut()
      else {
        await this.#leaveProvider()
        if (dice > logoutShare + returnShare) continue
        counts.returns++
        this.#former = login
      }
    }
  }

  /** @param {Login | undefined} former the login that this browser still has @returns {Promise<Login | undefined>} */
  async #logIn(former) {
    const { counts, fault, provider, baseUrl, users } = this.#run
    const isSame = former !== undefined && Math.random() < 0.5
    const user = isSame ? former.user : `user-${Math.floor(Math.random() * users)}`
    const mark = `${this.#number}.${++this.#logins}`
    const begun = await this.#get(`/enter/${user}?mark=${mark}`)
    const authorize = begun.location
    if (begun.status !== 302 || authorize === undefined) return fault(`login: ${begun.status} ${begun.body}`)
    const { pathname, search } = new URL(authorize)
    const back = await provider.request('GET', pathname + search, { cookie: this.#providerCookie })
    this.#providerCookie = back.cookies[0]?.split(';')[0] ?? this.#providerCookie
    if (!back.location?.startsWith(`${baseUrl}/callback?`)) return fault(`provider: ${back.status} ${back.body}`)
    const finished = await this.#get(back.location.slice(baseUrl.length))
    if (finished.status !== 303 || finished.location !== '/me') {
      return fault(`callback: ${finished.status} ${finished.location} ${finished.body}`)
    }
    counts.logins++
    // A session keeps its data for the same user or after an anonymous visit. For a different user, the data must be
    // gone.
    if (former && former.user !== user) return { user, mark: undefined, visits: 0 }
    return { user, mark, visits: former?.visits ?? 0 }
  }

  /** @param {Login} login */
  async #ask(login) {
    const { counts, fault } = this.#run
    const visit = Math.random() < visitShare
    const answer = await this.#get(visit ? '/visit' : '/me', 'application/json')
    counts.guarded++
    if (answer.status !== 200) {
      counts.lost++
      fault(`guarded: ${answer.status} ${answer.body}`)
      return
    }
    if (visit) login.visits++
    const { sub, mark, visits = 0 } = JSON.parse(answer.body)
    if (sub === login.user && mark === login.mark && visits === login.visits) return
    counts.wrong++
    fault(`wrong: ${answer.body} instead of ${JSON.stringify(login)}`)
  }

  async #logOut() {
    const { counts, fault, provider } = this.#run
    const former = this.#cookieHeader()
    const { status, body } = await this.#server().request('POST', '/logout', {
      cookie: former,
      accept: 'application/json',
    })
    if (status !== 200) {
      fault(`logout: ${status} ${body}`)
      return
    }
    const { pathname, search } = new URL(JSON.parse(body).location)
    const left = await provider.request('GET', pathname + search, { cookie: this.#providerCookie })
    this.#providerCookie = ''
    if (left.status !== 303) fault(`logout at the provider: ${left.status} ${left.body}`)
    counts.logouts++
    await this.#mustBeOut(former, 'a session that was logged out')
  }

  /** Ends only the browser's session at the provider. */
  async #leaveProvider() {
    await this.#run.provider.request('GET', '/logout?confirmed=yes', { cookie: this.#providerCookie })
    this.#providerCookie = ''
  }

  /** @param {string} cookie @param {string} what */
  async #mustBeOut(cookie, what) {
    const { status, body } = await this.#server().request('GET', '/me', { cookie, accept: 'application/json' })
    if (status !== 401) this.#run.fault(`${what} still answers: ${status} ${body}`)
  }

  /** A random process, as a load balancer would choose it. */
  #server() {
    const { servers } = this.#run
    return /** @type {import('./soak-http.js').Connections} */ (servers[Math.floor(Math.random() * servers.length)])
  }

  #cookieHeader() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** @param {string} path @param {string} [accept] */
  async #get(path, accept) {
    const cookie = this.#cookieHeader()
    const answer = await this.#server().request('GET', path, accept === undefined ? { cookie } : { cookie, accept })
    for (const line of answer.cookies) {
      const [pair = ''] = line.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      if (/; *Max-Age=0/i.test(line)) this.#cookies.delete(name)
      else this.#cookies.set(name, pair.slice(name.length + 1))
    }
    // This cookie detects browsers that lose the session cookie. Real users do not log in every second, as this browser
    // does.
    for (const name of this.#cookies.keys()) if (name.endsWith('.finished')) this.#cookies.delete(name)
    return answer
  }
}
