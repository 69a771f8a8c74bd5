#!/usr/bin/env node
// Two versions of trimtab side by side: the demonstration's training, in turns on the same machine with the same seed.
//
//   node bench/versions.mjs BASE [OTHER] [--steps 10] [--rounds 3] [--keep FOLDER]
//
// BASE and OTHER are commits (checked out in a temporary folder and built there by `npm ci`) or folders of checkouts with
// their packages installed, which are built anew; OTHER is this checkout unless it is given. Prints a JSON object: seconds of
// every run, the ratio BASE / OTHER of each round with median and range, and whether both wrote the same vectors.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    keep: { type: 'string' },
  },
});
const [base, other = here] = positionals;
const [steps, rounds] = [Number(values.steps), Number(values.rounds)];
if (base === undefined || !(steps >= 2) || !(rounds >= 1)) {
  console.error(
    'node bench/versions.mjs BASE [OTHER] [--steps 10] [--rounds 3]: steps of at least 2, rounds of at least 1',
  );
  process.exit(2);
}

const folder = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), 'trimtab-versions-'));
const worktrees = [];

function run(command, args, cwd) {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error ?? stderr.slice(-2000)}`);
}

/** A folder with the version, built. */
function checkout(version, name) {
  if (existsSync(join(version, 'bin/trimtab.js'))) {
    // What was built before may be older than the sources.
    run('npm', ['run', 'build'], resolve(version));
    return { version, folder: resolve(version) };
  }
  const commit = execFileSync('git', ['-C', here, 'rev-parse', '--verify', `${version}^{commit}`], {
    encoding: 'utf8',
  });
  const target = join(folder, name);
  if (!existsSync(join(target, 'dist/cli.js'))) {
    console.error(`${version}: checking out and building in ${target}`);
    run('git', ['-C', here, 'worktree', 'add', '--detach', target, commit.trim()], here);
    worktrees.push(target);
    run('npm', ['ci', '--no-audit', '--no-fund'], target);
  }
  return { version: commit.trim().slice(0, 10), folder: target };
}

/** One run of the demonstration's training without its evaluations: seconds by step, and the vectors' bytes. */
function train(version, round) {
  const out = join(folder, `run-${version.name}-${round}`);
  rmSync(out, { recursive: true, force: true });
  const started = performance.now();
  const model = join(version.folder, 'models/demo');
  const data = join(model, 'problems-train.jsonl');
  const settings = ['--steps', String(steps), '--save-steps', '0', '--out', out, '--seed', '0'];
  const command = [join(version.folder, 'bin/trimtab.js'), 'train', join(model, 'train.yaml'), '--model', model];
  // With data of one's own a model's held-out problems are not measured before and after.
  run(process.execPath, [...command, '--data', data, ...settings], version.folder);
  const wall = (performance.now() - started) / 1000;
  const rows = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const times = rows.map((row) => row.step_time);
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  return {
    first: times[0],
    // The first step compiles.
    rest: sum(times.slice(1)),
    training: sum(times),
    process: wall,
    vectors: readFileSync(
      join(
        out,
        readdirSync(out).find((file) => file.endsWith('.safetensors')),
      ),
    ),
    rewards: rows.map((row) => row.reward),
  };
}

/** The numbers of a safetensors file with one f32 tensor. */
function numbers(file) {
  const header = 8 + Number(file.readBigUInt64LE(0));
  return new Float32Array(file.buffer.slice(file.byteOffset + header, file.byteOffset + file.length));
}

function summary(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  const round = (value) => Number(value.toPrecision(4));
  return { median: round(median), low: round(sorted[0]), high: round(sorted.at(-1)), values: list.map(round) };
}

try {
  const versions = [
    { name: 'base', ...checkout(base, 'base') },
    { name: 'other', ...checkout(other, 'other') },
  ];
  const runs = { base: [], other: [] };
  for (let round = 0; round < rounds; round++) {
    // A B, then B A: whatever drifts falls on both alike.
    for (const version of round % 2 === 0 ? versions : versions.toReversed()) {
      const result = train(version, round);
      runs[version.name].push(result);
      console.error(
        `round ${round + 1}, ${version.name} (${version.version}): ${result.training.toFixed(1)} s for ${steps} steps, ${result.rest.toFixed(1)} s without the first`,
      );
    }
  }
  const [a, b] = [runs.base[0], runs.other[0]].map(({ vectors }) => numbers(vectors));
  const difference = a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
  const report = { steps, rounds, base: versions[0].version, other: versions[1].version };
  for (const part of ['training', 'rest', 'process']) {
    report[part] = {
      base_seconds: summary(runs.base.map((one) => one[part])),
      other_seconds: summary(runs.other.map((one) => one[part])),
      ratio: summary(runs.base.map((one, i) => one[part] / runs.other[i][part])),
    };
  }
  report.vectors = {
    same_bits: Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0,
    largest_difference: difference,
    largest_value: a.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
  };
  report.rewards = { base: runs.base[0].rewards, other: runs.other[0].rewards };
  console.log(JSON.stringify(report, null, 1));
} finally {
  for (const worktree of worktrees) spawnSync('git', ['-C', here, 'worktree', 'remove', '--force', worktree]);
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}
