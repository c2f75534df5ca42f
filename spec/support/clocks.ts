/** The two clocks of this process, the wall clock and the monotonic one, as tests stop and advance them. */
import { vi } from 'vitest'

/** Stops both clocks, at `now` and at the present monotonic time. Timers are not changed. */
export function stopClocks(now: number = Date.now()): void {
  vi.useRealTimers()
  // A fake monotonic clock begins at 0, which would be before times that the code under test has recorded.
  const elapsed = Math.ceil(performance.now())
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: now - elapsed })
  vi.advanceTimersByTime(elapsed)
}

/** Advances both clocks, and stops them first if they run. Timers are not changed. */
export function passMs(ms: number): void {
  if (!vi.isFakeTimers()) stopClocks()
  vi.advanceTimersByTime(ms)
}
