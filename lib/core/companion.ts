/** Values that belong to objects and go with them. */
export interface Companion<Value> {
  get(object: object): Value | undefined
  set(object: object, value: Value): void
}

/** A class that extends it constructs nothing: it gives its private fields to the object that it is given. */
const Given = function given(object: object): object {
  return object
} as unknown as new (object: object) => object

/**
 * What a WeakMap does, for objects that come and go with each request: kept in a private field of the object itself,
 * which nothing shows, `util.inspect` with `showHidden` included, and nothing copies. The values of a WeakMap, and all
 * that they refer to, outlive V8's young generation, and collecting them later costs more than the request did.
 */
export function companion<Value>(): Companion<Value> {
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
