/** Values that are attached to objects and collected with them. */
export interface PrivateField<Value> {
  get(object: object): Value | undefined
  set(object: object, value: Value): void
}

/** A base class whose constructor returns the given object, so that a subclass adds its private fields to that object. */
const Given = function given(object: object): object {
  return object
} as unknown as new (object: object) => object

/**
 * Creates a replacement for WeakMap, for objects that live as long as a request. The value is in a private field of the
 * object. Nothing shows that field, not even `util.inspect` with `showHidden`, and nothing copies it. The values of a
 * WeakMap, and everything that they refer to, outlive V8's young generation. Collecting them costs more than the request.
 */
export function makePrivateField<Value>(): PrivateField<Value> {
  return class Held extends Given {
    #value: Value

    constructor(object: object, value: Value) {
      super(object)
      this.#value = value
    }

    static get(object: object): Value | undefined {
      return #value in object ? object.#value : undefined
    }

    static set(object: object, value: Value): void {
      if (#value in object) object.#value = value
      else void new Held(object, value)
    }
  }
}
