import { Tape } from '../src/autograd/tape.ts';
import type { Device } from '../src/gpu/device.ts';
import { timing } from '../src/gpu/timing.ts';
import { generate } from '../src/model/generate.ts';
import type { LanguageModel } from '../src/model/language_model.ts';
import { packSequence, uploadPacked } from '../src/model/packing.ts';
import { finalNorm, forward, logits } from '../src/model/transformer.ts';
import { type Continuation, isInstalled, PeerProcess, type PeerSettings } from './peer_process.ts';
import { failure, type Row, type Rows } from './row.ts';

/** A peer by its script, its package and what it is told to open. */
interface Candidate {
  readonly impl: string;
  readonly dtype: string;
  readonly script: string;
  readonly packageName: string;
  readonly settings: PeerSettings;
  /** Largest difference of a logit, relative to the largest logit, that the format's rounding explains. */
  readonly tolerance: number;
  /** Whether it computes on WebGPU: the others are no measure of an adapter. */
  readonly webgpu: boolean;
}

export const GENERATION_NAMES = ['generate_prefill', 'generate_decode'] as const;

interface Contestant {
  readonly impl: string;
  readonly dtype: string;
  readonly note: string;
  readonly error: number;
  readonly webgpu: boolean;
  readonly tokens: readonly number[];
  generate(): Promise<Continuation>;
  free(): void;
}

export interface GenerationOptions {
  /** The GGUF file that trimtab and llama.cpp open. */
  readonly model: string;
  /** Exports of the same model, `FOLDER` or `FOLDER:dtype`. */
  readonly onnx: readonly string[];
  /** False: trimtab alone. */
  readonly peers: boolean;
  /** The folder with the peers' package.json. */
  readonly peersFolder: string;
  readonly checked: boolean;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly rounds: number;
}

/**
 * Rounding of the formats. f32: the order of sums. llama.cpp rounds activations to 8 bits before a product. 4 bits
 * with a zero point round Q4_1's weights a second time.
 */
const TOLERANCE = { fp32: 1e-3, fp16: 1e-2, gguf: 0.05, other: 0.35 } as const;
/** A WebGPU peer besides has to agree with its own library on the CPU, whose weights are the same to the bit. */
const SAME_FILE = 1e-3;

/** What is continued: any prose will do. */
const TEXT = `A trim tab is a small flap on the trailing edge of a ship's rudder. Turning the whole rudder of a large vessel takes
an enormous force, but turning the tab takes hardly any: the water that flows past it pushes the rudder round, and the rudder turns
the ship. Aircraft have them too, on elevators, ailerons and rudders, where they relieve the pilot of holding the controls against
the stream of air for hours. Engineers like the idea because it shows how a small and well placed change can move something that
is very much larger than itself, without any change to the large thing. `;

/** Prefill and decode of one sequence, greedily: trimtab beside its peers, in turns; each is compared with trimtab before it is timed. */
export async function generationRows(
  lm: LanguageModel,
  rows: Rows,
  options: GenerationOptions,
  emit: (row: Row) => void,
): Promise<void> {
  const { device } = lm.model;
  const ids = promptOf(lm, options.promptTokens);
  const reference = await ownLogits(device, lm, ids);
  const own = await ownContestant(lm, ids, options.newTokens);
  const shape = `${lm.name} ${ids.length} tokens`;
  const entered: Contestant[] = [own];
  try {
    for (const candidate of options.peers ? candidates(options) : []) {
      const outcome = await enter(candidate, options, ids, reference, own.tokens);
      if (typeof outcome !== 'string') entered.push(outcome);
      else {
        const { impl, dtype } = candidate;
        for (const name of ['generate_prefill', 'generate_decode'])
          emit(rows.skipped({ name, impl, dtype, shape }, outcome));
      }
    }
    const samples = entered.map(() => ({ prefill: [] as number[], decode: [] as number[] }));
    for (let round = 0; round < options.rounds; round++) {
      for (const [i, contestant] of entered.entries()) {
        const { prefillMs, tokenMs } = await contestant.generate();
        samples[i]?.prefill.push(prefillMs);
        samples[i]?.decode.push(...tokenMs);
      }
    }
    for (const kind of ['prefill', 'decode'] as const) {
      const times = samples.map((sample) => timing(sample[kind], 'wall'));
      const rivals = times.filter((_, i) => i > 0 && entered[i]?.webgpu).map((time) => time.median);
      const tokens = kind === 'prefill' ? ids.length : 1;
      for (const [i, { impl, dtype, note, error }] of entered.entries()) {
        const time = times[i] as (typeof times)[number];
        emit(
          rows.timed({ name: `generate_${kind}`, impl, shape, dtype }, time, undefined, {
            tokens_per_second: (1000 * tokens) / time.median,
            note,
            ...(i > 0 && { error }),
            ...(i === 0 && rivals.length > 0 && { speedup: Math.min(...rivals) / time.median }),
          }),
        );
      }
    }
  } finally {
    for (const contestant of entered) contestant.free();
  }
}

function candidates({ model, onnx, checked }: GenerationOptions): Candidate[] {
  const exports = onnx.map((text): Candidate => {
    const [folder, dtype = 'fp32'] = text.split(/:(?=[a-z0-9]+$)/) as [string, string | undefined];
    return {
      impl: 'transformers.js',
      dtype,
      script: 'transformers.mjs',
      packageName: '@huggingface/transformers',
      settings: { model: folder, dtype, checked },
      tolerance: dtype === 'fp32' || dtype === 'fp16' ? TOLERANCE[dtype] : TOLERANCE.other,
      webgpu: true,
    };
  });
  const llama: Candidate = {
    impl: 'llama.cpp',
    dtype: 'gguf',
    script: 'llama.mjs',
    packageName: 'node-llama-cpp',
    settings: { model },
    tolerance: TOLERANCE.gguf,
    webgpu: false,
  };
  return [...exports, llama];
}

/** The peer with its model open and its result found right, or why it cannot be timed. */
async function enter(
  candidate: Candidate,
  { peersFolder, newTokens }: GenerationOptions,
  ids: readonly number[],
  reference: Float32Array,
  ownTokens: readonly number[],
): Promise<Contestant | string> {
  if (!isInstalled(peersFolder, candidate.packageName))
    return `${candidate.packageName} is not installed: npm install --prefix bench/peers`;
  const peer = new PeerProcess(peersFolder, candidate.script);
  try {
    const { info } = await peer.open(candidate.settings);
    const found = await peer.logits(ids);
    const error = differenceOf(found, reference);
    if (!(error <= candidate.tolerance))
      throw new Error(`its logits are off by ${error.toExponential(1)} of the largest`);
    if (candidate.webgpu) await compareWithCpu(candidate, peersFolder, ids, found);
    const { tokens } = await peer.generate(ids, newTokens);
    const same = leadingSame(tokens, ownTokens);
    return {
      impl: info.impl,
      dtype: info.dtype,
      error,
      webgpu: candidate.webgpu,
      tokens,
      note: [info.versions, info.note, `${same} of ${ownTokens.length} greedy tokens the same`]
        .filter(Boolean)
        .join('; '),
      generate: () => peer.generate(ids, newTokens),
      free: () => peer.close(),
    };
  } catch (error) {
    peer.close();
    return failure(error);
  }
}

async function compareWithCpu(
  { script, settings }: Candidate,
  peersFolder: string,
  ids: readonly number[],
  found: Float32Array,
): Promise<void> {
  const onCpu = new PeerProcess(peersFolder, script);
  try {
    await onCpu.open({ ...settings, device: 'cpu' });
    const error = differenceOf(found, await onCpu.logits(ids));
    if (!(error <= SAME_FILE))
      throw new Error(
        `its logits are off by ${error.toExponential(1)} of the largest from those of the same file on the CPU`,
      );
  } finally {
    onCpu.close();
  }
}

async function ownContestant(lm: LanguageModel, ids: readonly number[], count: number): Promise<Contestant> {
  const completions = [{ sampling: { temperature: 0 }, key: { step: 0, prompt: 0, completion: 0 } }];
  const upTo = async (maxNewTokens: number, onProgress: (tokens: number) => void) => {
    const requests = [{ prompt: ids, maxNewTokens, completions }];
    const [group] = await generate(lm.model, requests, { seed: 0, eosIds: [], onProgress });
    return group?.[0]?.ids ?? [];
  };
  // The first readback brings the tokens of some passes besides the prompt's: prefill is timed by itself.
  const run = async (): Promise<Continuation> => {
    const start = performance.now();
    let prefillMs = 0;
    await upTo(1, () => {
      prefillMs = performance.now() - start;
    });
    const tokenMs: number[] = [];
    let last: { time: number; tokens: number } | undefined;
    const tokens = await upTo(count + 1, (tokens) => {
      const time = performance.now();
      if (last) {
        const each = (time - last.time) / (tokens - last.tokens);
        for (let i = last.tokens; i < tokens; i++) tokenMs.push(each);
      }
      last = { time, tokens };
    });
    return { tokens, prefillMs, tokenMs };
  };
  const { tokens } = await run();
  return {
    impl: 'trimtab',
    dtype: lm.model.layers[0]?.qkv_proj.parts[0]?.tensor.dtype ?? 'f32',
    error: 0,
    webgpu: true,
    note: 'weights repacked once, at load',
    tokens,
    generate: run,
    free: () => {},
  };
}

function promptOf({ tokenizer }: LanguageModel, tokens: number): number[] {
  const ids = tokenizer.encode(TEXT);
  return Array.from({ length: tokens }, (_, i) => ids[i % ids.length] as number);
}

/** Logits [V] of the token after `ids`. */
async function ownLogits(device: Device, { model }: LanguageModel, ids: readonly number[]): Promise<Float32Array> {
  // A closing token that is never run gives the last one a row of its own.
  const tables = uploadPacked(device, packSequence([...ids, 0]));
  const last = device.upload(Uint32Array.of(ids.length - 1), [1], 'u32', 'last');
  const tape = new Tape(device);
  const resid = forward(tape, model, tables);
  const hidden = finalNorm(tape, model, resid, last, 1);
  const scores = logits(tape, model, hidden);
  const values = await device.read(scores.tensor);
  tape.release(resid, hidden, scores);
  device.arena.free(last);
  tables.free();
  return values.subarray(0, model.config.vocab_size);
}

/** Largest difference, relative to the largest value. */
export function differenceOf(values: Float32Array, reference: Float32Array): number {
  if (values.length < reference.length) return Number.NaN;
  let [difference, scale] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    const [value, want] = [values[i] as number, reference[i] as number];
    if (Number.isNaN(value)) return Number.NaN;
    difference = Math.max(difference, Math.abs(value - want));
    scale = Math.max(scale, Math.abs(want));
  }
  return difference / scale;
}

function leadingSame(a: readonly number[], b: readonly number[]): number {
  const different = a.findIndex((id, i) => id !== b[i]);
  return different < 0 ? a.length : different;
}
