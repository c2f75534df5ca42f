/** Applies the fault of an endpoint to the connection. */
import type { ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { type Answer, send, setHead } from './answer.ts'
import type { TestEndpointFault } from './faults.ts'

const proxyPage = '<!doctype html><html lang="en"><title>Gateway</title><h1>Something is in between</h1></html>'

/** The response that a fault sends in place of the endpoint, if any. */
function replacement({ status, body, html, invalidJson }: TestEndpointFault): Answer | undefined {
  const answer = (type: string, text: string): Answer => ({
    status: status ?? 200,
    headers: { 'content-type': type },
    body: text,
  })
  if (html) return answer('text/html; charset=utf-8', proxyPage)
  if (invalidJson) return answer('application/json', '{"unfinished": [1, 2')
  if (typeof body === 'object') return answer('application/json', JSON.stringify(body))
  if (typeof body === 'string') return answer('text/plain; charset=utf-8', body)
  return status === undefined ? undefined : answer('text/plain; charset=utf-8', '')
}

/** Sends the header, with the full length, and half of the body. */
function sendHalf(answer: Answer, to: ServerResponse, sent: (rest: Buffer) => void): void {
  const body = Buffer.from(answer.body.length > 1 ? answer.body : '{"half":true}')
  setHead(answer, to)
  to.setHeader('content-length', body.length)
  const half = body.length >> 1
  to.write(body.subarray(0, half), () => sent(body.subarray(half)))
}

const padding = Buffer.alloc(65_536, ' ')

/** Sends the response, padded with white space to `bytes`, until the client disconnects. */
function sendPadded(answer: Answer, bytes: number, to: ServerResponse): void {
  setHead(answer, to)
  let left = bytes - Buffer.byteLength(answer.body)
  const pad = (): void => {
    while (left > 0) {
      if (to.destroyed) return
      const chunk = padding.subarray(0, Math.min(left, padding.length))
      left -= chunk.length
      if (!to.write(chunk)) {
        to.once('drain', pad)
        return
      }
    }
    to.end()
  }
  to.write(answer.body)
  pad()
}

/** The events that release a held request: the fault is undone, or the provider stops and can no longer answer. */
export interface Release {
  readonly undone: Promise<void>
  readonly down: Promise<void>
}

/** Waits as the fault says. Resolves to false if the provider stopped meanwhile. */
async function hold({ hang, delayMs }: TestEndpointFault, { undone, down }: Release): Promise<boolean> {
  const gone = down.then(() => false)
  if (hang && !(await Promise.race([undone.then(() => true), gone]))) return false
  return delayMs === undefined || (await Promise.race([wait(delayMs, true, { ref: false }), gone]))
}

/** Answers as the fault says; `work` runs the endpoint. */
export async function misbehave(
  fault: TestEndpointFault,
  release: Release,
  work: () => Promise<Answer>,
  outgoing: ServerResponse,
): Promise<void> {
  const processed = fault.afterProcessing ? await work() : undefined
  if (!(await hold(fault, release))) return
  if (fault.drop) {
    outgoing.destroy()
    return
  }
  if (fault.garbage) {
    outgoing.socket?.end('\x15\x03\x01\x00\x02\x02\x28')
    return
  }
  const answer = replacement(fault) ?? processed ?? (await work())
  const contentType = fault.contentType === undefined ? {} : { 'content-type': fault.contentType }
  const changed = { ...answer, headers: { ...answer.headers, ...fault.headers, ...contentType } }
  if (fault.truncate) sendHalf(changed, outgoing, () => outgoing.destroy())
  else if (fault.stall) sendHalf(changed, outgoing, (rest) => void release.undone.then(() => outgoing.end(rest)))
  else if (fault.bytes !== undefined) sendPadded(changed, fault.bytes, outgoing)
  else send(changed, outgoing)
}
