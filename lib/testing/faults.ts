import type { JWK } from 'jose'
import type { Change, JsonObject } from './change.ts'
import type { KeyRotation } from './keys.ts'
import type { TestEndpoint, TestRequest } from './request.ts'

/**
 * What goes wrong at an endpoint. `status`, `body`, `html` and `invalidJson` answer in the endpoint's place, which then
 * does no work; the other members do something to the true answer.
 */
export interface EndpointFault {
  /** The status to answer with. Default 200. Alone: with an empty body. */
  readonly status?: number | undefined
  /** The body to answer with; an object is sent as JSON. */
  readonly body?: string | object | undefined
  /** Header fields set on the answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The Content-Type of the answer. */
  readonly contentType?: string | undefined
  /** Answers with an HTML page, as a proxy in between might. */
  readonly html?: boolean | undefined
  /** Answers with JSON that breaks off. */
  readonly invalidJson?: boolean | undefined
  /** Announces more than it sends, sends half of the answer and cuts the connection. */
  readonly truncate?: boolean | undefined
  /** Sends the header and half of the answer at once, the rest only when the fault is undone. */
  readonly stall?: boolean | undefined
  /** Pads the answer with white space (JSON stays JSON) to this many bytes; `Infinity` never ends. */
  readonly bytes?: number | undefined
  /** Cuts the connection without an answer. */
  readonly drop?: boolean | undefined
  /** Answers with bytes that are not HTTP, and cuts the connection. */
  readonly garbage?: boolean | undefined
  /** Holds requests back until the fault is undone, or the provider stopped; then goes on as told by the other members. */
  readonly hang?: boolean | undefined
  /** Holds requests back for this long, in milliseconds of real time. Prefer `hang`: it needs no clock. */
  readonly delayMs?: number | undefined
  /**
   * Lets the endpoint do its work (spend the code, rotate the refresh token) before the answer is replaced, lost or held
   * back. Default false.
   */
  readonly afterProcessing?: boolean | undefined
  /** Concerns only so many requests. Default: all. */
  readonly times?: number | undefined
  /** Concerns only requests for which this is true. Default: all. */
  readonly when?: ((request: TestRequest) => boolean) | undefined
}

/**
 * A signature that should not be accepted. `corrupt`: one bit wrong. `none`: unsigned, `alg: none`. `other-key`: by a key
 * that is published nowhere, under the current `kid`. `wrong-alg`: valid, by a published key of an algorithm that was not
 * announced. `hs256`: HMAC with the client's secret. `hs256-public-key`: HMAC with the public key as secret.
 */
export type BadSignature = 'corrupt' | 'none' | 'other-key' | 'wrong-alg' | 'hs256' | 'hs256-public-key'

/** What is wrong with a token. */
export interface TokenFault {
  /** Alters the claims before signing. */
  readonly claims?: Change<JsonObject> | undefined
  /** Alters the header; what it says does not change how the token is signed. */
  readonly header?: Change<JsonObject> | undefined
  /** Alters the JSON text of the claims before signing: duplicate members, broken JSON. */
  readonly payload?: ((json: string) => string) | undefined
  /** Signs wrongly; see {@link BadSignature}. Default: a good signature. */
  readonly signature?: BadSignature | undefined
  /** Sends this text in the token's place. */
  readonly raw?: string | ((token: string) => string) | undefined
  /** Leaves the token out of the response. */
  readonly omit?: boolean | undefined
  /** Concerns only tokens got with this grant. Default: all. */
  readonly grant?:
    'authorization_code' | 'refresh_token' | 'urn:ietf:params:oauth:grant-type:token-exchange' | undefined
  /** Concerns only so many tokens. Default: all. */
  readonly times?: number | undefined
}

/** What is wrong with the userinfo response. All members but `claims` make it a signed JWT (OIDC Core 5.3.2). */
export interface UserInfoFault extends Omit<TokenFault, 'omit' | 'grant'> {
  /** Answers with a signed JWT. */
  readonly signed?: boolean | undefined
}

/** The parameters of a response that goes through the browser; an array makes a parameter appear more than once. */
export type ResponseParameters = Record<string, string | readonly string[] | undefined>

/** When the keys are rotated in the course of a token response. */
export interface RotationFault extends KeyRotation {
  /** Before the response's tokens are signed, so that they need keys nobody has yet; or after, so that theirs are gone. */
  readonly when: 'before-signing' | 'after-signing'
}

/** How the provider is to misbehave. Several at once are fine, in one call or in several. */
export interface TestFaults {
  /** Faults by endpoint. The latest that concerns a request is the one it meets. */
  readonly endpoints?: Readonly<Partial<Record<TestEndpoint, EndpointFault>>> | undefined
  /** Answers in the place of any endpoint, unless it returns undefined. Asked before `endpoints`. */
  readonly respond?: ((request: TestRequest) => Response | undefined | Promise<Response | undefined>) | undefined
  /** Alters the provider metadata. */
  readonly metadata?: Change<JsonObject> | undefined
  /** Alters the published key set. See {@link oddKeys} for keys to add. */
  readonly jwks?: Change<{ keys: JWK[] }> | undefined
  /** Alters the parameters of authorization responses, also of error responses. */
  readonly authorizationResponse?: Change<ResponseParameters> | undefined
  /** Alters the body of successful token responses. */
  readonly tokenResponse?: Change<JsonObject> | undefined
  /** Faults of ID tokens. */
  readonly idToken?: TokenFault | undefined
  /** Faults of access tokens. The provider goes on knowing the token as it was sent. */
  readonly accessToken?: TokenFault | undefined
  /** Faults of logout tokens. */
  readonly logoutToken?: TokenFault | undefined
  /** Faults of userinfo responses. */
  readonly userInfo?: UserInfoFault | undefined
  /** Alters the parameters of the response to an end-session request. */
  readonly logoutResponse?: Change<ResponseParameters> | undefined
  /** Rotates the keys at each token response, before or after its ID token was signed. */
  readonly rotateKeys?: 'before-signing' | 'after-signing' | RotationFault | undefined
}

/** One call of `misbehave`. */
export interface FaultLayer {
  readonly faults: TestFaults
  /** Settles when the layer is undone: that is what `hang` waits for. */
  readonly undone: Promise<void>
}

type ChangeName = 'metadata' | 'jwks' | 'authorizationResponse' | 'tokenResponse' | 'logoutResponse'
type Limited = EndpointFault | TokenFault | UserInfoFault

interface Layer extends FaultLayer {
  readonly uses: Map<object, number>
  readonly undo: () => void
}

/** The faults in force, oldest first. */
export class FaultStack {
  #layers: Layer[] = []

  /** Puts faults in force until the returned function is called. */
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

  /** The latest hook's answer in the place of an endpoint. */
  async respond(request: TestRequest): Promise<Response | undefined> {
    for (const { faults } of this.#layers.toReversed()) {
      const response = await faults.respond?.(request)
      if (response !== undefined) return response
    }
    return undefined
  }

  /** The fault that a request to this endpoint meets, the latest first. */
  atEndpoint(
    endpoint: TestEndpoint,
    request: TestRequest,
  ): { fault: EndpointFault; undone: Promise<void> } | undefined {
    for (const layer of this.#layers.toReversed()) {
      const fault = layer.faults.endpoints?.[endpoint]
      if (fault !== undefined && (fault.when?.(request) ?? true) && this.#use(layer, fault)) {
        return { fault, undone: layer.undone }
      }
    }
    return undefined
  }

  /** The changes of one kind, in the order in which they are to be made. */
  changes<Name extends ChangeName>(name: Name): readonly NonNullable<TestFaults[Name]>[] {
    return this.#layers.flatMap(({ faults }) => {
      const change = faults[name]
      return change === undefined ? [] : [change]
    })
  }

  /** The faults of one token, in the order in which they are to be made. */
  ofToken<Kind extends 'idToken' | 'accessToken' | 'logoutToken' | 'userInfo'>(
    kind: Kind,
    grant?: TokenFault['grant'],
  ): readonly NonNullable<TestFaults[Kind]>[] {
    return this.#layers.flatMap((layer) => {
      const fault = layer.faults[kind]
      if (fault === undefined || ('grant' in fault && fault.grant !== undefined && fault.grant !== grant)) return []
      return this.#use(layer, fault) ? [fault] : []
    })
  }

  rotations(when: 'before-signing' | 'after-signing'): readonly KeyRotation[] {
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
