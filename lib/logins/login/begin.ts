import { randomBytes } from 'node:crypto'
import type { OidcLoginNeeds } from '../../core/errors.ts'
import { makeAuthorizationUrl } from '../../provider/authorization-url.ts'
import { createDpopKey } from '../../provider/dpop-keys.ts'
import { listResources } from '../../session/step-up-history.ts'
import { createTransactionId, writeState } from '../../session/state.ts'
import {
  clearTransaction,
  measureCookie,
  findSurplusTransactions,
  makeTransactionCookie,
  type Transaction,
} from '../../session/transaction.ts'
import type { Instance } from '../instance.ts'
import type { Cookie } from '../../session/login-cookies.ts'

export interface BeginInput {
  readonly request: OidcLoginNeeds
  /** Path on this origin that the finished login redirects to. */
  readonly returnTo: string
  /** Number of restarts, see `State.attempt`. */
  readonly attempt: number
  /** Whether this is a silent login; then `returnTo` is a public page. */
  readonly isSilent?: boolean | undefined
  readonly cookies: ReadonlyMap<string, string>
}

/** A login in progress: the URL to redirect to, and the cookies to set. */
export interface Begun {
  readonly location: string
  readonly cookies: readonly Cookie[]
}

/** Begins a login: creates its transaction and its authorization request (OIDC Core, section 3.1.2.1). */
export async function beginLogin(instance: Instance, input: BeginInput): Promise<Begun> {
  const { options, provider, seals, cookiePlace, redirectUri } = instance
  const { request } = input
  const resource = [...new Set([...options.resource, ...listResources(request)])]
  const parameters = { ...request.parameters, ...(resource.length > 0 && { resource: resource.join(' ') }) }
  const dpop = options.dpop ? await createDpopKey(provider) : undefined
  const transaction: Transaction = {
    id: createTransactionId(),
    nonce: randomBytes(16).toString('base64url'),
    verifier: randomBytes(32).toString('base64url'),
    returnTo: input.returnTo,
    startedAt: Date.now() / 1000,
    scope: request.scope,
    parameters,
    dpopKey: dpop?.key,
  }
  const location = await makeAuthorizationUrl(provider, {
    redirectUri,
    state: writeState(seals, {
      id: transaction.id,
      attempt: input.attempt,
      openPage: input.isSilent ? shortenPage(instance, input.returnTo) : undefined,
    }),
    nonce: transaction.nonce,
    verifier: transaction.verifier,
    scope: transaction.scope,
    responseMode: options.responseMode,
    par: options.par,
    dpopThumbprint: dpop?.thumbprint,
    parameters,
  })
  const cookie = makeFittingCookie(instance, transaction)
  const room = measureCookie(cookie.name, cookie.value)
  const surplus = findSurplusTransactions(seals.transaction, cookiePlace, input.cookies, room)
  return { location, cookies: [...surplus.map((id) => clearTransaction(cookiePlace, id)), cookie] }
}

/** Maximum characters of a page in `state`: providers limit `state`, some to 1000 characters. */
const longestOpenPage = 500

function shortenPage({ options }: Instance, page: string): string {
  return page.length > longestOpenPage ? options.basePath || '/' : page
}

/** Browsers ignore larger cookies (RFC 6265bis, section 5.6). */
const largestCookie = 4096

/**
 * Creates the cookie of a transaction. If it would be too large, it omits first `returnTo`, then all parameters except
 * those that the callback or a guard evaluates.
 */
function makeFittingCookie(instance: Instance, transaction: Transaction): Cookie {
  const { seals, cookiePlace, options } = instance
  const withStartPage = { ...transaction, returnTo: options.basePath || '/' }
  const checked = Object.fromEntries(
    Object.entries(transaction.parameters).filter(([name]) => ['prompt', 'max_age', 'acr_values'].includes(name)),
  )
  const versions = [transaction, withStartPage, { ...withStartPage, parameters: checked }]
  const cookies = versions.map((version) => makeTransactionCookie(seals.transaction, cookiePlace, version))
  const fits = ({ name, value }: Cookie): boolean => measureCookie(name, value) < largestCookie
  return cookies.find(fits) ?? (cookies.at(-1) as Cookie)
}
