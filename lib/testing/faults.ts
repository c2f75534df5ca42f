import type { JWK } from 'jose'
import type { TestChange, TestJsonObject } from './change.ts'
import type { TestKeyRotation } from './keys.ts'
import type { TestEndpoint, TestRequest } from './request.ts'

/**
 * A fault of an endpoint. `status`, `body`, `html` and `invalidJson` replace the endpoint's response, and the endpoint does
 * no work. The other members alter, delay or suppress the response.
 */
export interface TestEndpointFault {
  /** The HTTP status of the response, 200 to 599. Without a body to send, the body is empty. */
  readonly status?: number | undefined
  /** The body of the response: a string is sent as text, an object as JSON. */
  readonly body?: string | object | undefined
  /** Header fields to set on the response. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The Content-Type of the response. */
  readonly contentType?: string | undefined
  /** Answers with an HTML page, as an intermediate proxy might. */
  readonly html?: boolean | undefined
  /** Answers with incomplete JSON. */
  readonly invalidJson?: boolean | undefined
  /** Announces the full length, sends half of the body and cuts the connection. */
  readonly truncate?: boolean | undefined
  /** Sends the header and half of the body at once, and the rest only when the fault is undone. */
  readonly stall?: boolean | undefined
  /** Pads the body with white space to this many bytes, so that JSON stays valid. `Infinity` never ends. */
  readonly bytes?: number | undefined
  /** Cuts the connection without a response. */
  readonly drop?: boolean | undefined
  /** Answers with bytes that are not HTTP, and cuts the connection. */
  readonly garbage?: boolean | undefined
  /** Holds requests until the fault is undone; then the other members apply. If the provider stops, it does not respond. */
  readonly hang?: boolean | undefined
  /** Holds requests for this long, in milliseconds of real time. Prefer `hang`, which needs no clock. */
  readonly delayMs?: number | undefined
  /**
   * Lets the endpoint do its work (use the code, rotate the refresh token) before the response is replaced, lost or held.
   *
   * @default false
   */
  readonly afterProcessing?: boolean | undefined
  /**
   * The number of requests to apply the fault to.
   *
   * @default all requests
   */
  readonly times?: number | undefined
  /**
   * Limits the fault to requests for which this function returns true.
   *
   * @default all requests
   */
  readonly when?: ((request: TestRequest) => boolean) | undefined
}

/**
 * An invalid signature:
 *
 * - `corrupt`: one bit is wrong.
 * - `none`: unsigned, with `alg: none`.
 * - `other-key`: by an unpublished key, under the current `kid`.
 * - `wrong-alg`: correct, but by a published key of an algorithm that the metadata do not announce.
 * - `hs256`: HMAC with the client secret.
 * - `hs256-public-key`: HMAC with the public key as the secret.
 */
export type TestBadSignature = 'corrupt' | 'none' | 'other-key' | 'wrong-alg' | 'hs256' | 'hs256-public-key'

/** The faults of one kind of token. */
export interface TestTokenFault {
  /** Alters the claims before signing. */
  readonly claims?: TestChange<TestJsonObject> | undefined
  /** Alters the header, but not the key and the algorithm that sign the token. */
  readonly header?: TestChange<TestJsonObject> | undefined
  /** Alters the JSON text of the claims before signing, for duplicate members or invalid JSON. */
  readonly payload?: ((json: string) => string) | undefined
  /**
   * Makes the signature invalid.
   *
   * @default a valid signature
   */
  readonly signature?: TestBadSignature | undefined
  /** Sends this text in place of the token. */
  readonly raw?: string | ((token: string) => string) | undefined
  /** Leaves the token out of the response. */
  readonly omit?: boolean | undefined
  /**
   * Limits the fault to tokens issued for this grant type.
   *
   * @default all grant types
   */
  readonly grant?:
    'authorization_code' | 'refresh_token' | 'urn:ietf:params:oauth:grant-type:token-exchange' | undefined
  /**
   * The number of tokens to apply the fault to.
   *
   * @default all tokens
   */
  readonly times?: number | undefined
}

/** Faults of the userinfo response. Members other than `claims` and `times` make it a signed JWT (OIDC Core 5.3.2). */
export interface TestUserInfoFault extends Omit<TestTokenFault, 'omit' | 'grant'> {
  /** Answers with a signed JWT. */
  readonly signed?: boolean | undefined
}

/** The parameters of a response that goes through the browser. An array repeats a parameter. */
export type TestResponseParameters = Record<string, string | readonly string[] | undefined>

/** A key rotation during a token response. */
export interface TestRotationFault extends TestKeyRotation {
  /** Before the tokens are signed, with a key that clients do not have yet; or after, so that their key is a former one. */
  readonly when: 'before-signing' | 'after-signing'
}

/** The faults of the provider. Several combine, in one call of `misbehave` or in several. */
export interface TestFaults {
  /** Faults by endpoint. The latest fault that applies to a request wins. */
  readonly endpoints?: Readonly<Partial<Record<TestEndpoint, TestEndpointFault>>> | undefined
  /** Answers in place of any endpoint, unless it returns undefined. It takes precedence over `endpoints`. */
  readonly respond?: ((request: TestRequest) => Response | undefined | Promise<Response | undefined>) | undefined
  /** Alters the provider metadata. */
  readonly metadata?: TestChange<TestJsonObject> | undefined
  /** Alters the published key set. `oddKeys()` makes keys to add. */
  readonly jwks?: TestChange<{ keys: JWK[] }> | undefined
  /** Alters the parameters of authorization responses, error responses included. */
  readonly authorizationResponse?: TestChange<TestResponseParameters> | undefined
  /** Alters the body of successful token responses. */
  readonly tokenResponse?: TestChange<TestJsonObject> | undefined
  /** Faults of ID tokens. */
  readonly idToken?: TestTokenFault | undefined
  /** Faults of access tokens. The provider accepts such a token as it was sent. */
  readonly accessToken?: TestTokenFault | undefined
  /** Faults of logout tokens. */
  readonly logoutToken?: TestTokenFault | undefined
  /** Faults of userinfo responses. */
  readonly userInfo?: TestUserInfoFault | undefined
  /** Alters the parameters of the response to an end-session request. */
  readonly logoutResponse?: TestChange<TestResponseParameters> | undefined
  /** Rotates the keys at each token response, before or after its tokens are signed. */
  readonly rotateKeys?: 'before-signing' | 'after-signing' | TestRotationFault | undefined
}

/** The faults of one `misbehave()` call. */
export interface FaultLayer {
  readonly faults: TestFaults
  /** Settles when the layer is undone: `hang` and `stall` wait for this. */
  readonly undone: Promise<void>
}

type ChangeName = 'metadata' | 'jwks' | 'authorizationResponse' | 'tokenResponse' | 'logoutResponse'
type Limited = TestEndpointFault | TestTokenFault | TestUserInfoFault

interface Layer extends FaultLayer {
  readonly uses: Map<object, number>
  readonly undo: () => void
}

/** The active faults, oldest first. */
export class FaultStack {
  #layers: Layer[] = []

  /** Activates faults until the returned function is called. */
  add(faults: TestFaults): () => void {
    let release: () => void = () => {}
    const undone = new Promise<void>((resolve) => (release = resolve))
    const undo = (): void => {
      this.#layers = this.#layers.filter((other) => other !== layer)
      release()
    }
    const layer: Layer = { faults, undone, undo, uses: new Map() }
    this.#layers.push(layer)
    return undo
  }

  clear(): void {
    for (const layer of this.#layers) layer.undo()
  }

  /** The response of the latest `respond` hook that returns one. */
  async respond(request: TestRequest): Promise<Response | undefined> {
    for (const { faults } of this.#layers.toReversed()) {
      const response = await faults.respond?.(request)
      if (response !== undefined) return response
    }
    return undefined
  }

  /** The latest fault that applies to a request at this endpoint. */
  atEndpoint(
    endpoint: TestEndpoint,
    request: TestRequest,
  ): { fault: TestEndpointFault; undone: Promise<void> } | undefined {
    for (const layer of this.#layers.toReversed()) {
      const fault = layer.faults.endpoints?.[endpoint]
      if (fault !== undefined && (fault.when?.(request) ?? true) && this.#use(layer, fault)) {
        return { fault, undone: layer.undone }
      }
    }
    return undefined
  }

  /** The changes of one kind, in the order in which they apply. */
  changes<Name extends ChangeName>(name: Name): readonly NonNullable<TestFaults[Name]>[] {
    return this.#layers.flatMap(({ faults }) => {
      const change = faults[name]
      return change === undefined ? [] : [change]
    })
  }

  /** The faults of one token, in the order in which they apply. */
  ofToken<Kind extends 'idToken' | 'accessToken' | 'logoutToken' | 'userInfo'>(
    kind: Kind,
    grant?: TestTokenFault['grant'],
  ): readonly NonNullable<TestFaults[Kind]>[] {
    return this.#layers.flatMap((layer) => {
      const fault = layer.faults[kind]
      if (fault === undefined || ('grant' in fault && fault.grant !== undefined && fault.grant !== grant)) return []
      return this.#use(layer, fault) ? [fault] : []
    })
  }

  rotations(when: 'before-signing' | 'after-signing'): readonly TestKeyRotation[] {
    return this.#layers.flatMap(({ faults: { rotateKeys } }) => {
      const rotation = typeof rotateKeys === 'string' ? { when: rotateKeys } : rotateKeys
      return rotation?.when === when ? [rotation] : []
    })
  }

  #use(layer: Layer, fault: Limited): boolean {
    const uses = layer.uses.get(fault) ?? 0
    if (uses >= (fault.times ?? Number.POSITIVE_INFINITY)) return false
    layer.uses.set(fault, uses + 1)
    return true
  }
}
