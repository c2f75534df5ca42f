import type { HtmlButton, HtmlForm } from './html-reader.ts'
import type { UserAgentSubmitInit } from './user-agent-options.ts'
import type { UserAgentFormFields } from './user-agent-response.ts'

/** Encodes a form as application/x-www-form-urlencoded. */
export function encodeForm(form: UserAgentFormFields): string {
  if (form instanceof URLSearchParams) return form.toString()
  const entries = Symbol.iterator in form ? [...form] : Object.entries(form)
  return new URLSearchParams(
    entries.flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
  ).toString()
}

function pressed(button: string, candidate: HtmlButton): boolean {
  return candidate.value === button || candidate.label === button || candidate.name === button
}

/** Finds the form that `UserAgentSubmitInit` selects, and its button. */
export function chooseForm(
  forms: readonly HtmlForm[],
  { form, button }: UserAgentSubmitInit,
): { form: HtmlForm; button: HtmlButton | undefined } {
  const named = forms.filter(
    ({ id, name }, index) => form === undefined || form === index || form === id || form === name,
  )
  const chosen =
    button === undefined ? named[0] : named.find(({ buttons }) => buttons.some((one) => pressed(button, one)))
  if (chosen === undefined) {
    const labels = named.flatMap(({ buttons }) => buttons.map(({ label }) => `"${label}"`))
    throw new Error(
      named.length === 0
        ? `the form does not exist; the page has ${forms.length}`
        : `the button "${button}" does not exist; the page has ${labels.join(', ') || 'none'}`,
    )
  }
  return { form: chosen, button: chosen.buttons.find((one) => button === undefined || pressed(button, one)) }
}

/** The fields that the form submits, with the user's entries in place of the initial values. */
export function fillIn(form: HtmlForm, entries: Readonly<Record<string, string>>): [string, string][] {
  const known = new Set(form.fields.map(([name]) => name))
  return [
    ...form.fields.map(([name, value]): [string, string] => [name, entries[name] ?? value]),
    ...Object.entries(entries).filter(([name]) => !known.has(name)),
  ]
}
