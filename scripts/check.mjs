// `npm run check`: types, lint with import directions, formatting, and the tests that need little time.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What takes long: tests of the GPU over many shapes and whole runs, and those that start a command for each case. New files are fast until they are listed. */
const SLOW_TESTS = [
  /^test\/(api\/model|bench|kernels|large|package|web)/,
  /^test\/cli\/(bad_input|eval|grade|models|show_prompt|tokenize|train)\./,
  /^test\/eval\/(attention_weights|evaluate|lens|prompt_lens)\./,
  /^test\/gpu\/recorder\./,
  /^test\/model\/(families|generate|golden|hub\.node|qwen3|smollm2|steering_export|tokenization)\./,
  /^test\/train\/(calibrate|device_loss|memory_plan|methods|optimizer|policy|recipes|seeds|trainer)\./,
  /\.chrome\.test\.ts$/,
];

const fastTests = readdirSync(join(root, 'test'), { recursive: true })
  .map((name) => `test/${name.replaceAll('\\', '/')}`)
  .filter((name) => name.endsWith('.test.ts') && !SLOW_TESTS.some((slow) => slow.test(name)));

const steps = [
  {
    name: 'types, and those that the package declares',
    commands: [
      ['tsc', '--noEmit'],
      ['tsc', '-p', 'tsconfig.types.json', '--outDir', 'node_modules/.cache/types'],
    ],
  },
  { name: 'lint, import directions, formatting', commands: [['biome', 'check', '--error-on-warnings', '.']] },
  {
    name: 'build and fast tests',
    commands: [
      ['vite', 'build', '--app'],
      ['vitest', 'run', '--project', 'node', ...fastTests],
    ],
  },
];

const env = { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter) };

function run([command, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, shell: process.platform === 'win32', env });
    let output = '';
    const keep = (data) => {
      output += data;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => keep(error.message));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

async function check({ name, commands }) {
  const started = performance.now();
  for (const command of commands) {
    const { ok, output } = await run(command);
    if (!ok) {
      console.log(`FAILED ${name}: ${command.join(' ')}\n${output}`);
      return false;
    }
  }
  console.log(`ok     ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return true;
}

const results = await Promise.all(steps.map(check));
process.exit(results.every(Boolean) ? 0 : 1);
