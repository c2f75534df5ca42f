/** Checks of the arguments that tests pass. A mistake throws a TypeError at once that names the option. */

export function fail(message: string): never {
  throw new TypeError(message)
}

/** Rejects unknown members, so that a misspelled option does not go unnoticed. */
export function checkMembers(value: unknown, known: readonly string[], name: string): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(`${name} must be an object`)
  for (const member of Object.keys(value)) {
    if (!known.includes(member)) fail(`"${member}" is not a member of ${name}; use one of ${known.join(', ')}`)
  }
}

export function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string' || value === '') fail(`${name} must be a non-empty string`)
}

export function checkChoice(value: unknown, allowed: readonly string[], name: string): void {
  if (!allowed.includes(value as string)) fail(`${name} must be one of ${allowed.join(', ')}`)
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') fail(`${name} must be a function`)
}

export function checkWholeNumber(value: unknown, least: number, most: number, name: string): void {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    fail(`${name} must be a whole number from ${least} to ${most}`)
  }
}

export function checkTexts(value: unknown, name: string): void {
  if (!Array.isArray(value)) fail(`${name} must be an array of strings`)
  for (const [index, text] of value.entries()) checkText(text, `${name}[${index}]`)
}
