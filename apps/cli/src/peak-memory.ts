/** The most memory this process has held at a time. */
import { readFileSync } from 'node:fs';

/**
 * In bytes. Linux's own count of the process is used where there is one: what `getrusage` says may be that of the
 * program which started us, as it survives `exec`.
 */
export function peakMemoryBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes) return Number(kilobytes) * 1024;
  } catch {
    // another system
  }
  return process.resourceUsage().maxRSS * 1024;
}
