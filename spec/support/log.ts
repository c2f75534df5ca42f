/** Records what instances log, instead of writing it to standard error. */
import type { OidcLogEntry } from 'express-session-oidc'

type Collector = (entry: OidcLogEntry) => void

const collectors = new Set<Collector>()

/** The option `log` for an instance whose failures a test expects. */
export function recordLog(entry: OidcLogEntry): void {
  for (const collect of collectors) collect(entry)
}

/** Calls `collect` with each entry that goes to {@link recordLog}. Returns a function that stops this. */
export function collectLog(collect: Collector): () => void {
  collectors.add(collect)
  return () => void collectors.delete(collect)
}
