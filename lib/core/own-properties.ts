/** A copy of the own properties of an object. A polluted `Object.prototype` adds nothing to it. */
export function ownProperties<Given extends object>(given: Given): Given {
  return Object.assign(Object.create(null) as Given, given)
}
