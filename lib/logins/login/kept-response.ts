import type { RecordKey, Records } from '../../core/records.ts'
import type { Instance } from '../instance.ts'

/** Seconds that an authorization response which came by `form_post` waits for its `GET`. */
const responseSeconds = 60

function responseKey(id: string): RecordKey {
  return { kind: 'response', id }
}

/** Keeps a response for one use, sealed since it has the code. The first that comes is the one that is kept. */
export async function keepResponse(
  instance: Instance,
  records: Records,
  id: string,
  parameters: URLSearchParams,
): Promise<void> {
  const sealed = instance.seals.response.seal(parameters.toString(), id)
  await records.add(responseKey(id), sealed, responseSeconds)
}

/** Takes a kept response; undefined where there is none that we kept. */
export async function takeResponse(
  instance: Instance,
  records: Records,
  id: string,
): Promise<URLSearchParams | undefined> {
  const sealed = await records.take(responseKey(id))
  const text = sealed === undefined ? undefined : instance.seals.response.open(sealed, id)
  return text === undefined ? undefined : new URLSearchParams(text)
}
