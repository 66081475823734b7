import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/**
 * Cores that compute apart. Two hardware threads of one core share its arithmetic units, so that more intra-op
 * threads than cores make matrix products slower. Linux tells; elsewhere x64 is taken to have two threads a core.
 */
export function physicalCores(): number {
  const logical = Math.max(1, cpus().length);
  if (process.platform === 'linux') {
    const counted = countCores();
    if (counted > 0) return Math.min(counted, logical);
  }
  return process.arch === 'x64' && logical > 2 ? Math.ceil(logical / 2) : logical;
}

function countCores(): number {
  try {
    const cores = new Set<string>();
    let socket = '0';
    for (const line of readFileSync('/proc/cpuinfo', 'utf8').split('\n')) {
      const [name, value] = line.split(':');
      if (name?.trim() === 'physical id') socket = value?.trim() ?? '0';
      if (name?.trim() === 'core id') cores.add(`${socket}/${value?.trim()}`);
    }
    return cores.size;
  } catch {
    return 0;
  }
}

/** Intra-op threads: from four cores on, one is left for the other model and the application. */
export function defaultThreads(cores = physicalCores()): { encoder: number; decoder: number } {
  const encoder = cores >= 4 ? cores - 1 : cores;
  // A decoder is small: more than four threads cost more in waiting for each other than they bring.
  return { encoder, decoder: Math.min(4, encoder) };
}
