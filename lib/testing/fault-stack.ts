import type { TestEndpointFault, TestFaults, TestTokenFault, TestUserInfoFault } from './faults.ts'
import type { TestKeyRotation } from './keys.ts'
import type { TestEndpoint, TestRequest } from './request.ts'

type ChangeName = 'metadata' | 'jwks' | 'authorizationResponse' | 'tokenResponse' | 'logoutResponse'
type Limited = TestEndpointFault | TestTokenFault | TestUserInfoFault

/** The faults of one `misbehave()` call. */
interface Layer {
  readonly faults: TestFaults
  /** Settles when the layer is undone; `hang` and `stall` wait for it. */
  readonly undone: Promise<void>
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
