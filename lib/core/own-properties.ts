/** Returns a copy of an object's own properties, which a polluted `Object.prototype` cannot extend. */
export function copyOwnProperties<Given extends object>(given: Given): Given {
  return Object.assign(Object.create(null) as Given, given)
}
