// `npm run check`: types, lint with import directions, formatting, and the tests that need little time.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Folders and files of `test/` that together take seconds. */
const FAST_TESTS = ['test/gpu/', 'test/eval/', 'test/train/', 'test/cli/'];

const steps = [
  ['types', 'tsc', '--noEmit'],
  ['lint, import directions, formatting', 'biome', 'check', '--error-on-warnings', '.'],
  ['fast tests', 'vitest', 'run', '--project', 'node', ...FAST_TESTS],
];

function run([name, command, ...args]) {
  const started = performance.now();
  return new Promise((resolve) => {
    const shell = process.platform === 'win32';
    const child = spawn(command, args, {
      cwd: root,
      shell,
      env: { ...process.env, PATH: `${root}node_modules/.bin${shell ? ';' : ':'}${process.env.PATH}` },
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('error', (error) => (output += error.message));
    child.on('close', (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
      if (code !== 0) console.log(output);
      resolve(code === 0);
    });
  });
}

const results = await Promise.all(steps.map(run));
process.exit(results.every(Boolean) ? 0 : 1);
