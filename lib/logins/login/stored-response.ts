import { fail } from '../../core/errors.ts'
import type { OidcRecordKey, OidcRecords } from '../../core/records.ts'
import type { Instance } from '../instance.ts'

/** Seconds for which a `form_post` authorization response is stored for the `GET` that reads it. */
const responseSeconds = 60

/**
 * The parameters of an authorization response that the callback reads, with the characters of each that matter. Anything
 * else, such as `session_state`, is not stored (RFC 6749, section 4.1.2: a client must ignore other parameters).
 */
const neededParameters: Readonly<Record<string, number>> = {
  // Compared as a whole (RFC 9207, section 2.4), or sent as a whole. Only `mostBytes` limits them.
  code: Infinity,
  state: Infinity,
  iss: Infinity,
  // Shown in the error page and the log, which have no more of it.
  error: 100,
  error_description: 500,
}

/**
 * Maximum size of a response before it is sealed, in bytes; sealed it has at most 8038 characters. Most codes have less
 * than 200 characters. Those of Entra ID have about 1000, and at times over 2300. Azure AD B2C puts claims into its codes;
 * they often have over 2400 characters, and some did not fit into a URL of 4096.
 */
const mostBytes = 6000

function makeResponseKey(id: string): OidcRecordKey {
  return { kind: 'response', id }
}

/**
 * Stores what the callback needs of a response for one use, sealed because it contains the code. Does not replace a stored
 * one. Anybody who has begun a login can send a response, so its size is limited.
 *
 * @throws OidcError `request_invalid` (413) if the response is too large; nothing is stored then
 */
export async function storeResponse(
  instance: Instance,
  records: OidcRecords,
  id: string,
  parameters: URLSearchParams,
): Promise<void> {
  const text = selectNeeded(parameters).toString()
  if (text.length > mostBytes) {
    const code = parameters.get('code')?.length ?? 0
    throw fail(
      'request_invalid',
      `the authorization response by form_post has ${text.length} bytes, ${code} of them the code; at most ${mostBytes} are stored. ` +
        "Have the provider put fewer claims into the code, or set `responseMode: 'query'`",
      {
        status: 413,
        message: 'The response of the login service is too large. Contact the operator of this application.',
      },
    )
  }
  await records.add(makeResponseKey(id), instance.seals.response.seal(text, id), responseSeconds)
}

function selectNeeded(parameters: URLSearchParams): URLSearchParams {
  const needed = new URLSearchParams()
  for (const [name, most] of Object.entries(neededParameters)) {
    const value = parameters.get(name)
    if (value !== null) needed.set(name, value.slice(0, most))
  }
  return needed
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
