import { spawnSync } from 'node:child_process';

/** Interpreter for reference implementations; MASKWRIGHT_TEST_PYTHON names another one. */
export const python = process.env.MASKWRIGHT_TEST_PYTHON ?? 'python3';

/** Whether the interpreter has a module; says what is skipped when it has not. */
export function hasPythonModule(module: string, what: string, interpreter = python): boolean {
  const there = spawnSync(interpreter, ['-c', `import ${module}`]).status === 0;
  if (!there) console.warn(`SKIPPED: ${what}: ${interpreter} has no ${module}`);
  return there;
}

/** Runs a script with JSON on standard input and parses what it prints. */
export function runPython(script: string, input: unknown): unknown {
  const run = spawnSync(python, ['-c', script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(`${python} failed: ${run.stderr}`);
  return JSON.parse(run.stdout);
}
