/**
 * One of several processes of an application that calls APIs as its users, for the chaos of refreshes. It gives each
 * refresh an id. It notes in a file which refreshes were answered and which results were written, so that a kill loses no
 * note.
 */
import { appendFileSync } from 'node:fs'
import { tokenRoutes } from '../../support/token-routes.ts'
import { origin } from './app.ts'
import { readSubject } from './subject.ts'
import { startTokensApp } from './tokens-app.ts'

const { NOTES = '' } = process.env

const note = (text: string): void => appendFileSync(NOTES, `${text}\n`)
let sent = 0
/** The latest refresh that returned tokens, by user. Each user has one login here, and the login one refresh at a time. */
const latest = new Map<string, string>()

const fetchNoted: typeof globalThis.fetch = async (url, init) => {
  const isRefresh = init?.body instanceof URLSearchParams && init.body.get('grant_type') === 'refresh_token'
  if (!isRefresh) return fetch(url, init)
  const id = `${process.pid}-${++sent}`
  const headers = new Headers(init?.headers)
  headers.set('x-request-id', id)
  const response = await fetch(url, { ...init, headers })
  const body = await response.text()
  note(`answered ${id}`)
  const { id_token: idToken } = JSON.parse(body) as { id_token?: string }
  if (idToken !== undefined) latest.set(readSubject(idToken), id)
  return new Response(body, { status: response.status, headers: response.headers })
}

const app = await startTokensApp({
  options: { providerTimeoutSeconds: 3, fetch: fetchNoted },
  publicUrl: origin,
  routes(express, oidc) {
    tokenRoutes(express)
    express.get('/as/:sub', (req, res, next) => {
      oidc.login({ loginHint: req.params.sub, returnTo: '/profile' })(req, res, next)
    })
  },
})
app.oidc.on('refresh', ({ sub }) => note(`kept ${latest.get(sub)}`))
app.oidc.on('login', ({ sub }) => note(`login ${sub}`))
