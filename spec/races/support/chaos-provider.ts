/**
 * The test provider in a process of its own, with refresh token rotation. Its parent process arms a fault for a user's next
 * refresh, and gets a report of what happened to each refresh.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { startTestProvider } from 'express-session-oidc/testing'
import type { TestEndpointFault, TestRequest } from 'express-session-oidc/testing'
import type { ProviderCall, ProviderNews, RefreshNote } from './own-provider.ts'
import { readSubject } from './subject.ts'

const { USERS = '1' } = process.env
const users = Array.from({ length: Number(USERS) }, (_, index) => ({ sub: `user${index}` }))
const provider = await startTestProvider({ users, signIn: 'user0', refreshTokens: 'rotating' })

const notes = new Map<string, RefreshNote>()
/** The user of each refresh token. */
const owners = new Map<string, string>()
/** Functions that disarm the fault of a user's next refresh, by user. */
const armed = new Map<string, () => void>()

const tell = (news: ProviderNews): void => void process.send?.(news)
const getName = (headers: Readonly<Record<string, unknown>>): string => String(headers['x-request-id'])

provider.misbehave({
  respond(request) {
    if (request.params.get('grant_type') === 'refresh_token') notes.set(getName(request.headers), getNote(request))
    return undefined
  },
  tokenResponse(body) {
    owners.set(String(body['refresh_token']), readSubject(String(body['id_token'])))
    // An access token of two seconds is used until it expires; one of three seconds is refreshed before that.
    return { ...body, expires_in: 2 + (owners.size % 2) }
  },
})

function getNote({ params, headers }: TestRequest): RefreshNote {
  const presented = params.get('refresh_token') ?? ''
  return { id: getName(headers), sub: owners.get(presented) ?? '', presented, isProcessed: true, isCut: undefined }
}

// Either side may have cut the connection. Only this process knows whether the whole response was sent before.
subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
  response.once('close', () => {
    const note = notes.get(getName(request.headers))
    if (!note) return
    note.isCut = !response.writableFinished
    tell({ closed: note })
  })
})

/** Misbehaves once, at the next refresh of a user. */
function arm(sub: string, fault: TestEndpointFault): void {
  let isMet = false
  const when = ({ headers }: TestRequest): boolean => {
    const note = notes.get(getName(headers))
    if (note?.sub !== sub || isMet) return false
    isMet = true
    note.isProcessed = fault.drop !== true || fault.afterProcessing === true
    tell({ met: note })
    return true
  }
  armed.set(sub, provider.misbehave({ endpoints: { token: { ...fault, when } } }))
}

async function obey({ name, sub, fault }: ProviderCall): Promise<unknown> {
  switch (name) {
    case 'arm':
      arm(sub, fault)
      return undefined
    case 'release':
      armed.get(sub)?.()
      return undefined
    case 'stop':
      return await provider.stop()
    case 'start':
      return await provider.start()
    default:
      return [...notes.values()].filter((note) => note.sub === sub)
  }
}

process.on('message', (call: ProviderCall) => {
  void obey(call).then((answer) => tell({ call: call.id, answer }))
})
process.on('disconnect', () => process.exit())
tell({ call: 0, answer: provider.settings() })
