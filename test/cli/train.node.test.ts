import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTuning } from '../../src/gpu/tuning.ts';
import { tuningFile } from '../../src/kernels/tune.ts';
import { parseSafetensors } from '../../src/model/safetensors.ts';
import { testDevice } from '../setup/device.ts';
import { type CommandResult, trimtab } from './run.ts';

const bin = fileURLToPath(new URL('../../bin/trimtab.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'trimtab-train-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** Seconds of training whose vectors move: a reward that short completions differ in. */
const STEPS = 6;
const TINY = [
  ...['--model', 'models/demo', '--num-prompts', '2', '--num-generations', '2', '--max-completion-length', '8'],
  ...['--steps', String(STEPS), '--save-steps', '2', '--eval-size', '0', '--reward', 'random'],
];

const train = (out: string, ...more: string[]): CommandResult => trimtab(['train', ...TINY, '--out', out, ...more]);
const read = (run: string, file: string) => readFileSync(join(run, file));
const lines = (run: string, file: string) =>
  read(run, file)
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Starts a run and sends a signal to all of its processes once so many steps are in its log (0: once it has begun). @returns what it printed, and its end */
async function signalled(out: string, signal: NodeJS.Signals, steps: number, more: readonly string[] = []) {
  const args = ['train', ...TINY, '--out', out, ...more];
  const child: ChildProcess = spawn(process.execPath, [bin, ...args], { detached: true });
  let stderr = '';
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  const exit = once(child, 'exit');
  const metrics = join(out, 'metrics.jsonl');
  const begun = () => existsSync(join(out, 'config.json'));
  const logged = () => existsSync(metrics) && readFileSync(metrics, 'utf8').split('\n').length > steps;
  while (child.exitCode === null && !(steps === 0 ? begun() : logged())) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  process.kill(-(child.pid as number), signal);
  const [code, by] = await exit;
  return { stderr, code, by };
}

const whole = at('whole');

beforeAll(() => {
  const { code, stderr } = train(whole);
  expect(code, stderr).toBe(0);
});

describe('trimtab train', () => {
  it('writes vectors, metrics, completions, summary, report and checkpoint', () => {
    const { tensors, metadata } = parseSafetensors(new Uint8Array(read(whole, 'steering.safetensors')), 'steering');
    expect(tensors.get('steering')?.shape).toEqual([6, 128]);
    expect(Array.from((tensors.get('steering') as { data: Float32Array }).data).some((x) => x !== 0)).toBe(true);
    expect(metadata).toMatchObject({ site: 'resid_post', scale: '1', step: String(STEPS) });
    expect(lines(whole, 'metrics.jsonl').map((row) => row.step)).toEqual([0, 1, 2, 3, 4, 5]);
    const [first] = lines(whole, 'completions.jsonl');
    for (const key of ['prompt', 'completion', 'reward', 'advantage', 'finish_reason'])
      expect(first).toHaveProperty(key);
    expect(JSON.parse(read(whole, 'summary.json').toString())).toMatchObject({
      steps: STEPS,
      seed: 0,
      reward: 'random',
    });
    expect(read(whole, 'report.html').toString()).toMatch(/^<!doctype html>/i);
  });

  it('writes the same vectors with the same seed into another folder, profiled or not', () => {
    const { code, stdout, stderr } = train(at('same'), '--profile', '--profile-steps', '1..2', '--json');
    expect(code, stderr).toBe(0);
    expect(read(at('same'), 'steering.safetensors').equals(read(whole, 'steering.safetensors'))).toBe(true);
    const { profile } = JSON.parse(stdout);
    expect(profile.kernels[0]).toMatchObject({ calls: expect.any(Number), gbps: expect.any(Number) });
    expect(profile.timed).toMatchObject({
      parts: 2,
      phases: { rollout: { calls: 2 }, reward: {}, train: {}, update: {} },
    });
    expect(profile.roofline.gflops).toBeGreaterThan(0);
    expect(JSON.parse(read(at('same'), 'profile.json').toString())).toEqual(profile);
    expect(JSON.parse(read(at('same'), 'trace.json').toString()).traceEvents.length).toBeGreaterThan(100);
    expect(read(at('same'), 'report.html').toString()).toContain('Where the GPU’s time went');
    expect(read(whole, 'report.html').toString()).not.toContain('Where the GPU’s time went');
  });

  it.skipIf(process.platform === 'win32')(
    'killed in the middle and resumed, writes the bytes of a run that was not',
    async () => {
      const out = at('killed');
      expect((await signalled(out, 'SIGKILL', 3)).by).toBe('SIGKILL');
      expect(existsSync(join(out, 'summary.json'))).toBe(false);
      const { code, stderr } = trimtab(['train', '--resume', out]);
      expect(code, stderr).toBe(0);
      for (const file of ['steering.safetensors', 'completions.jsonl']) {
        expect(read(out, file).equals(read(whole, file)), file).toBe(true);
      }
      const plain = (run: string) =>
        lines(run, 'metrics.jsonl').map(({ step, loss, grad_norm, reward }) => ({ step, loss, grad_norm, reward }));
      expect(plain(out)).toEqual(plain(whole));
    },
  );

  it.skipIf(process.platform === 'win32')('saves on Ctrl-C, says how to go on, and does', async () => {
    const out = at('interrupted');
    const { code, stderr } = await signalled(out, 'SIGINT', 1);
    expect(code, stderr).toBe(130);
    expect(stderr).toContain(`steps are saved in ${out}. Go on with: npx trimtab train --resume ${out}`);
    expect(stderr).toContain('Interrupted by Ctrl-C.');
    expect(stderr).not.toContain('mistake in trimtab');
    expect(trimtab(['train', '--resume', out]).code).toBe(0);
    expect(read(out, 'steering.safetensors').equals(read(whole, 'steering.safetensors'))).toBe(true);
  });

  it.skipIf(process.platform === 'win32')(
    'says on Ctrl-C before the first step that the command is to be run again',
    async () => {
      const out = at('at-once');
      const { code, stderr } = await signalled(out, 'SIGINT', 0, ['--num-generations', '64']);
      expect(code, stderr).toBe(130);
      expect(stderr).toContain(`No step was finished in ${out}: run the same command again.`);
      expect(train(out, '--steps', '1').code).toBe(0);
    },
  );

  it('takes a reward of the user’s own, names it in the metrics, and goes on beyond the end with more steps', () => {
    const module = at('shortest.mjs');
    writeFileSync(module, 'export default ({ completion, answer }) => -completion.length - answer.length;\n');
    const { code, stderr } = train(at('own'), '--reward', module, '--steps', '1');
    expect(code, stderr).toBe(0);
    expect(trimtab(['train', '--resume', at('own'), '--steps', '2']).code).toBe(0);
    const rows = lines(at('own'), 'metrics.jsonl');
    expect(rows.map((row) => row.step)).toEqual([0, 1]);
    expect(rows[1]['rewards/shortest/mean']).toBeLessThan(0);
  });

  it('goes on with the kernels that it began with, and refuses a tuning that asks for others', async () => {
    const tuning = { order: 'sequential', choices: { 'forward bf16 128x128 8': 'registers' } };
    writeFileSync(at('tuned.json'), writeTuning(await tuningFile(await testDevice(), tuning)));
    const { code, stderr } = trimtab(['train', '--resume', whole, '--steps', '9', '--tuning', at('tuned.json')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /goes on with the kernels that its checkpoint names, and --tuning .*tuned\.json asks for others/,
    );
    expect(stderr).not.toContain('saved in');
  });

  it('trains over several seeds, each in a folder of its own, and goes on where one is missing', () => {
    const out = at('seeds');
    const seeds = ['--seeds', '0,4', '--steps', '2'];
    const profiles = ['--profile', at('profiles')];
    const { code, stdout, stderr } = train(out, ...seeds, ...profiles, '--eval-size', '2', '--json');
    expect(code, stderr).toBe(0);
    for (const seed of ['seed-0', 'seed-4'])
      expect(existsSync(join(at('profiles'), seed, 'trace.json')), seed).toBe(true);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ where: out, seeds: [0, 4] });
    expect(summary.steered.greedy).toMatchObject({ n: 2 });
    expect(JSON.parse(read(at('seeds/seed-4'), 'summary.json').toString())).toMatchObject({ seed: 4, steps: 2 });
    const vectors = read(at('seeds/seed-4'), 'steering.safetensors');
    rmSync(at('seeds/seed-4'), { recursive: true });
    const again = trimtab(['train', '--resume', out]);
    expect(again.code, again.stderr).toBe(0);
    expect(read(at('seeds/seed-4'), 'steering.safetensors').equals(vectors)).toBe(true);
    expect(train(out, '--seeds', '0,5').stderr).toContain('holds a run over the seeds 0,4, not 0,5');
  });

  it('prints its plan with --dry-run, measures nothing with --no-calibrate, and makes no folder', () => {
    const { code, stdout, stderr } = train(at('planned'), '--dry-run', '--no-calibrate');
    expect(code, stderr).toBe(0);
    const parts = ['weights', 'keys and values', 'recompute none', 'recompute layer', 'at most at once'];
    for (const part of [...parts, 'prompt tokens']) expect(stdout).toContain(part);
    expect(stderr).not.toContain('measuring');
    expect(existsSync(at('planned'))).toBe(false);
  });

  it('gives bytes, tokens and the measured time as JSON', () => {
    const { stdout, stderr } = train(at('planned'), '--dry-run', '--json');
    const { memory, tokens, estimate, calibration } = JSON.parse(stdout);
    expect(stderr).toContain('measuring: decode');
    expect(memory.total).toBeGreaterThan(memory.weights);
    expect(calibration.training.seconds).toBeGreaterThan(0);
    expect(estimate.at_most.run).toBeGreaterThan(estimate.half.run);
    expect(estimate.at_most.tokens).toEqual(tokens.at_most);
  });

  it('counts steps in epochs where it is asked to, over the steps of the model’s own train.yaml', () => {
    const args = ['--num-train-epochs', '0.5', '--dry-run', '--no-calibrate', '--json'];
    const { config } = JSON.parse(trimtab(['train', '--model', 'models/demo', ...args]).stdout);
    expect(config).toMatchObject({ num_train_epochs: 0.5, max_steps: 125, num_prompts: 8 });
  });

  it('reads answers by the prompt’s own rule, above the model’s train.yaml; another one is warned of, for scripts too', () => {
    const args = ['train', '--model', 'models/demo', '--prompt', 'gsm8k', '--show-prompt', '--json'];
    const own = JSON.parse(trimtab(args).stdout);
    expect([own.answer, own.warnings]).toEqual(['hashes', undefined]);
    const other = JSON.parse(trimtab([...args, '--answer', 'boxed']).stdout);
    expect([other.answer, other.warnings]).toEqual([
      'boxed',
      [expect.stringContaining("prompt's own rule is gsm8k_strict, in training hashes")],
    ]);
  });

  it('reads a configuration with files beside it; options win', () => {
    writeFileSync(at('problems.jsonl'), '{"question": "What is 1 + 1?", "answer": "2"}\n'.repeat(3));
    writeFileSync(at('config.yaml'), 'model: models/demo\ndata: problems.jsonl\nmax_steps: 9\nanswer: last_number\n');
    const { code, stdout, stderr } = trimtab([
      'train',
      at('config.yaml'),
      '--steps',
      '2',
      '--dry-run',
      '--no-calibrate',
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).config).toMatchObject({
      max_steps: 2,
      answer: 'last_number',
      data: at('problems.jsonl'),
    });
  });
});
