/** Counts the events of all instances in the process, and times the requests to their providers. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'

/**
 * @typedef {import('@opentelemetry/api').Meter} Meter
 * @typedef {import('@opentelemetry/api').Attributes} Attributes
 * @typedef {import('express-session-oidc').OidcEvents} OidcEvents
 */

/**
 * The fields of each event that become labels, in addition to `provider`. They have few values. `sub`, `loginId` and
 * `detail` are not labels, because each value would create a time series.
 *
 * @satisfies {{ [Name in keyof OidcEvents]: readonly (keyof OidcEvents[Name])[] }}
 */
const fields = {
  login_begun: ['prompt', 'attempt'],
  login: [],
  login_failed: ['code'],
  logout: ['reason'],
  refresh: ['reason'],
  refresh_failed: ['reason', 'code'],
  denied: ['code'],
  token_rejected: ['code'],
  store_fault: [],
  provider_fault: [],
}

/** Unit and buckets of durations. */
const seconds = {
  unit: 's',
  advice: { explicitBucketBoundaries: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
}

/**
 * @param {Meter} meter
 * @param {readonly string[]} [providers] names of the instances
 * @returns {() => void} stops the counting
 */
export function countEvents(meter, providers = ['default']) {
  const refreshes = meter.createHistogram('oidc.refresh.duration', { description: 'Refreshes of tokens', ...seconds })
  const stops = Object.entries(fields).map(([name, names]) => {
    const counter = meter.createCounter(`oidc.${name}`, { description: `Events '${name}' of express-session-oidc` })
    // Without a first value of 0, a counter begins at 1, and no rate shows its first event.
    if (names.length === 0) for (const provider of providers) counter.add(0, { provider })
    const count = (/** @type {unknown} */ message) => {
      const event = /** @type {Attributes} */ (message)
      const labels = Object.fromEntries(['provider', ...names].map((field) => [field, event[field]]))
      counter.add(1, labels)
      if (name === 'refresh') refreshes.record(Number(event['durationMs']) / 1000, labels)
    }
    const channel = `express-session-oidc:${name}`
    subscribe(channel, count)
    return () => unsubscribe(channel, count)
  })
  return () => stops.forEach((stop) => stop())
}

/**
 * A function for the option `fetch`. It times each request to the provider until the headers of the response arrive.
 *
 * @param {Meter} meter
 * @returns {typeof fetch}
 */
export function timedFetch(meter) {
  const duration = meter.createHistogram('oidc.provider.request.duration', {
    description: 'Requests to the provider',
    ...seconds,
  })
  return async (input, init) => {
    const start = performance.now()
    /** @type {Attributes} */
    const attributes = { method: init?.method ?? 'GET' }
    const grant = init?.body instanceof URLSearchParams && init.body.get('grant_type')
    if (grant) attributes['grant_type'] = grant
    try {
      const response = await fetch(input, init)
      attributes['status'] = response.status
      return response
    } catch (error) {
      attributes['error'] = error instanceof Error ? error.name : 'unknown'
      throw error
    } finally {
      duration.record((performance.now() - start) / 1000, attributes)
    }
  }
}

/** Metrics for Prometheus. An application that already uses OpenTelemetry calls `metrics.getMeter()` of its API instead. */
export function startMetrics() {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({ readers: [exporter] })
  return {
    meter: provider.getMeter('express-session-oidc'),
    /** @type {import('express').RequestHandler} */
    handler: (req, res) => exporter.getMetricsRequestHandler(req, res),
    stop: () => provider.shutdown(),
  }
}
