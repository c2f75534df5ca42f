import { randomUUID } from 'node:crypto'
import { type Answer, json } from './answer.ts'
import type { EntraState } from './entra-state.ts'

/** An error response in the format of Entra, with the AADSTS number that people search for. */
export function entraError(
  { settings }: EntraState,
  status: number,
  error: string,
  code: number,
  description: string,
  suberror?: string,
): Answer {
  const timestamp = new Date(settings.now()).toISOString().replace(/^(.+)T(.+)\.\d+Z$/, '$1 $2Z')
  const [trace, correlation] = [randomUUID(), randomUUID()]
  const ids = `Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`
  const body = {
    error,
    error_description: `AADSTS${code}: ${description} ${ids}`,
    error_codes: [code],
    timestamp,
    trace_id: trace,
    correlation_id: correlation,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    ...(suberror === undefined ? {} : { suberror }),
  }
  return json(body, status)
}
