import type { OidcRecordKey, OidcRecords } from '../../core/records.ts'
import type { Instance } from '../instance.ts'

/** Seconds for which a `form_post` authorization response is stored for the `GET` that reads it. */
const responseSeconds = 60

function makeResponseKey(id: string): OidcRecordKey {
  return { kind: 'response', id }
}

/** Stores a response for one use, sealed because it contains the code. Does not replace a stored one. */
export async function storeResponse(
  instance: Instance,
  records: OidcRecords,
  id: string,
  parameters: URLSearchParams,
): Promise<void> {
  const sealed = instance.seals.response.seal(parameters.toString(), id)
  await records.add(makeResponseKey(id), sealed, responseSeconds)
}

/** Reads and deletes a stored response; undefined if there is none that this instance has sealed. */
export async function takeResponse(
  instance: Instance,
  records: OidcRecords,
  id: string,
): Promise<URLSearchParams | undefined> {
  const sealed = await records.getAndDelete(makeResponseKey(id))
  const text = sealed === undefined ? undefined : instance.seals.response.open(sealed, id)
  return text === undefined ? undefined : new URLSearchParams(text)
}
