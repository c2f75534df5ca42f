import { consentPage, loginPage, messagePage } from './provider-pages.js'

/**
 * The part of oidc-provider's request context that is used here.
 *
 * @typedef {object} Context
 * @property {string} method
 * @property {string} path
 * @property {import('node:http').IncomingMessage} req
 * @property {import('node:http').ServerResponse} res
 * @property {number} status
 * @property {string} type
 * @property {unknown} body
 * @property {(name: string, value: string) => void} set
 * @property {(url: string) => void} redirect
 * @property {OidcState} oidc
 *
 * @typedef {object} OidcState
 * @property {{ clientId: string } | undefined} client
 * @property {{ accountId?: string, grantIdFor(clientId: string): string | undefined } | undefined} session
 * @property {{ consent?: { grantId?: string } } | undefined} result
 * @property {{ acr_values?: string }} params
 * @property {string | undefined} acr of the current login
 * @property {{ IdTokenHint?: { payload: { sub?: string } } }} entities
 */

/** @typedef {import('./provider.js').User} User */

/**
 * Returns middleware with the provider's pages for login and consent.
 *
 * @param {object} parts
 * @param {*} parts.provider an oidc-provider
 * @param {User[]} parts.users
 * @param {Record<string, string>} parts.scopes
 * @param {string[]} parts.acrValues
 * @param {import('./provider-pages.js').Theme} parts.theme
 */
export function interactions({ provider, users, scopes, acrValues, theme }) {
  return async function interaction(/** @type {Context} */ ctx, /** @type {() => Promise<void>} */ next) {
    if (!ctx.path.startsWith('/interaction/')) return next()
    ctx.set('Cache-Control', 'no-store')
    const details = await open(ctx)
    if (!details) {
      ctx.status = 400
      ctx.type = 'html'
      ctx.body = messagePage(theme, 'This login has expired', 'Go back to the application and start it again.')
    } else if (ctx.method === 'POST') {
      const result = await evaluate(details, await readForm(ctx.req))
      const to = await provider.interactionResult(ctx.req, ctx.res, result, {
        mergeWithLastSubmission: details.prompt.name === 'consent',
      })
      ctx.status = 303
      ctx.redirect(to)
    } else {
      ctx.type = 'html'
      ctx.body = await ask(details)
    }
  }

  /** @param {Context} ctx */
  async function open(ctx) {
    try {
      return /** @type {Details} */ (await provider.interactionDetails(ctx.req, ctx.res))
    } catch (error) {
      if (error instanceof Error && error.name === 'SessionNotFound') return undefined
      throw error
    }
  }

  /** @param {Details} details */
  async function ask({ uid, prompt, params, session }) {
    const client = await provider.Client.find(params.client_id)
    const application = client.clientName ?? client.clientId
    const action = `/interaction/${uid}`
    const user = users.find((user) => user.sub === session?.accountId)
    if (prompt.name !== 'consent') return loginPage(theme, { application, action, users, user })
    const wishes = missingScope(prompt).map((scope) => ({ scope, text: scopes[scope] ?? scope }))
    return consentPage(theme, { application, action, user, wishes })
  }

  /**
   * @param {Details} details
   * @param {URLSearchParams} form
   */
  async function evaluate({ prompt, params, session, grantId }, form) {
    if (prompt.name === 'login' && users.some((user) => user.sub === form.get('account'))) {
      return { login: { accountId: form.get('account'), acr: wantedAcr(params, acrValues) } }
    }
    if (prompt.name === 'consent' && form.get('decision') === 'allow') {
      const known = grantId && (await provider.Grant.find(grantId))
      const grant = known || new provider.Grant({ accountId: session?.accountId, clientId: params.client_id })
      grant.addOIDCScope(missingScope(prompt).join(' '))
      return { consent: { grantId: await grant.save() } }
    }
    return { error: 'access_denied', error_description: 'The user refused' }
  }
}

/**
 * @typedef {object} Details
 * @property {string} uid
 * @property {{ name: string, details: { missingOIDCScope?: string[] } }} prompt
 * @property {{ client_id: string, acr_values?: string }} params
 * @property {{ accountId: string } | undefined} session
 * @property {string | undefined} grantId
 */

/**
 * The requested authentication context class, if the provider supports it.
 *
 * @param {{ acr_values?: string }} params
 * @param {string[]} acrValues
 */
export function wantedAcr({ acr_values: wanted = '' }, acrValues) {
  return wanted.split(' ').find((acr) => acrValues.includes(acr))
}

/** @param {Details['prompt']} prompt */
function missingScope({ details }) {
  return details.missingOIDCScope ?? []
}

/** @param {import('node:http').IncomingMessage} req */
async function readForm(req) {
  let body = ''
  for await (const chunk of req) {
    body += String(chunk)
    if (body.length > 4096) break
  }
  return new URLSearchParams(body)
}
