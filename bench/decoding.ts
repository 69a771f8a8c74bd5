import type { Matrix } from '../src/gpu/matrix.ts';
import type { Tensor } from '../src/gpu/tensor.ts';
import { matrixProduct } from '../src/kernels/matrix.ts';
import { Decoder } from '../src/model/decoder.ts';
import { KVCache } from '../src/model/kv_cache.ts';
import type { LanguageModel } from '../src/model/language_model.ts';
import type { Slot } from '../src/model/slots.ts';
import type { EndToEnd, ProfileRun } from './end_to_end.ts';
import { interleaved, ratios, type Turns } from './measure.ts';
import { RECORD_NAME, recordRow } from './record.ts';
import type { Row, Rows } from './row.ts';
import { dispatchesOf, milliseconds, repeated, rowId, total } from './whole_work.ts';

export const DECODING_NAMES = ['decode', 'decode_one', 'decode_prompt'] as const;

/** Completions in flight of the rows that have many. */
export const MANY = 64;
/** Passes of one turn, after which the tokens are read. */
export const PASSES = 8;
const TURNS = 9;
/** Turns of one row: milliseconds each, so the share of one turn says little. */
const TURNS_ONE = 25;
/** Tokens that each completion has when the passes begin. */
export const OWN = 20;
/** Lengths of the shared prompt, as far as the model's context goes. */
const PROMPTS = [64, 256, 512, 2048, 8000];

/**
 * Measures the rows that `wanted` takes and hands each to `emit`: passes that draw a token for each completion of one prompt,
 * by the clock, in turns with all the products of a pass alone. The keys are zeros, which take as long as any.
 */
export async function decodingRows(
  setup: EndToEnd,
  rows: Rows,
  wanted: (name: string) => boolean,
  profile: ProfileRun | undefined,
  emit: (row: Row) => void,
): Promise<void> {
  const { problems, encode, lm } = setup;
  const prompt = encode(problems[0] as (typeof problems)[number]).ids.length;
  const row = (name: string, k: number, length: number) => decodingRow(setup, rows, name, k, length, profile);
  if (wanted('decode') || wanted(RECORD_NAME)) {
    const record = (shape: string, run: () => Promise<void>) => recordRow(lm, rows, 'decode', shape, run).then(emit);
    emit(await decodingRow(setup, rows, 'decode', MANY, prompt, profile, record));
  }
  if (wanted('decode_one')) emit(await row('decode_one', 1, prompt));
  if (!wanted('decode_prompt')) return;
  for (const length of PROMPTS.filter((n) => n + OWN + PASSES < lm.model.maxPositions)) {
    emit(await row('decode_prompt', MANY, length));
  }
}

/** Positions that `k` completions of a shared prompt take up. */
export function positionsOf(k: number, prompt: number): number {
  return prompt + k * (OWN + PASSES);
}

/** Keys and values of so many positions, all zero. */
export function decodingCache({ model }: LanguageModel, positions: number): KVCache {
  const cache = new KVCache(model, positions);
  for (const layer of cache.layers) model.device.recorder().clear(layer);
  return cache;
}

/** Passes that draw a token for each of `k` completions of one prompt, out of a cache that others may use too. */
export class Decoding {
  readonly #decoder: Decoder;
  readonly #slots: readonly Slot[];
  readonly #alone: readonly number[];

  constructor({ model }: LanguageModel, cache: KVCache, k: number, prompt: number) {
    const cap = OWN + PASSES;
    this.#decoder = new Decoder(model, cache, {
      slots: k,
      steering: undefined,
      stopIds: [],
      key: [0, 0],
      keeper: undefined,
    });
    this.#slots = Array.from(
      { length: k },
      (_, completion): Slot => ({
        prefix: { start: 0, length: prompt },
        ownStart: prompt + completion * cap,
        cap,
        sampling: { temperature: 1 },
        key: { step: 0, prompt: 0, completion },
        ids: new Array(OWN).fill(1),
      }),
    );
    // Their tokens are the same, and each computes a row nevertheless: what is measured is a pass over so many.
    this.#alone = this.#slots.map((_, i) => i);
  }

  async run(passes: number = PASSES): Promise<void> {
    this.#decoder.load(this.#slots, this.#alone);
    this.#decoder.decode(passes, this.#slots.length);
    await this.#decoder.results();
  }

  dispose(): void {
    this.#decoder.dispose();
  }
}

async function decodingRow(
  { lm, onTurn }: EndToEnd,
  rows: Rows,
  name: string,
  k: number,
  prompt: number,
  profile: ProfileRun | undefined,
  alsoRun?: (shape: string, run: () => Promise<void>) => Promise<void>,
): Promise<Row> {
  const shape = `K=${k}, ${prompt} tokens shared`;
  const { device } = lm.model;
  const cache = decodingCache(lm, positionsOf(k, prompt));
  const decoding = new Decoding(lm, cache, k, prompt);
  const passes = () => decoding.run();
  const products = passProducts(lm, k);
  const productsAlone = async () => {
    for (let i = 0; i < PASSES; i++) products.record();
    device.recorder().submit();
    await device.sync();
  };
  const contenders = [passes, productsAlone].map((run) => ({ ...repeated(run), executions: PASSES }));
  const turns = k === 1 ? TURNS_ONE : TURNS;
  const [time, part] = (await interleaved(contenders, turns, (done, total) =>
    onTurn?.(`${name} ${shape}`, done, total),
  )) as [Turns, Turns];
  const share = ratios(part.samples, time.samples);
  const dispatches = await dispatchesOf(device, () => decoding.run(1));
  await alsoRun?.(shape, passes);
  await profile?.(name, passes);
  products.free();
  decoding.dispose();
  cache.dispose();
  const work = dispatches && { dispatches, attentionShare: (k * (prompt + OWN + PASSES / 2)) / (k ** 2 / 2) };
  return rows.timed(rowId(lm, name, shape), time, work && total(work), {
    tokens_per_second: (1000 * k) / time.median,
    product_share: share.median,
    product_share_p25: share.p25,
    product_share_p75: share.p75,
    ...(work && { gpu_ms: milliseconds(work.dispatches) }),
  });
}

/** Records all the products of a pass of m rows, head included, on inputs of their own. */
function passProducts({ model }: EndToEnd['lm'], m: number): { record(): void; free(): void } {
  const { arena } = model.device;
  const made: Tensor[] = [];
  const alloc = (columns: number) => {
    const tensor = arena.alloc([m, columns]);
    model.device.recorder().clear(tensor);
    made.push(tensor);
    return tensor;
  };
  const product = (weight: Matrix) => ({
    weight,
    inp: alloc(weight.columns),
    out: alloc(Math.ceil(weight.rows / 4) * 4),
  });
  const [layer] = model.layers as [(typeof model.layers)[number]];
  const tensors = {
    qkv_proj: product(layer.qkv_proj),
    o_proj: product(layer.o_proj),
    gate_up_proj: product(layer.gate_up_proj),
    down_proj: product(layer.down_proj),
  };
  const head = product(model.lm_head);
  const rec = model.device.recorder();
  return {
    record() {
      for (const weights of model.layers) {
        for (const name of Object.keys(tensors) as (keyof typeof tensors)[]) {
          matrixProduct(rec, { ...tensors[name], weight: weights[name] }, { m });
        }
      }
      matrixProduct(rec, head, { m, outStride: Math.ceil(model.lm_head.rows / 4) * 4 });
    },
    free() {
      for (const tensor of made) arena.free(tensor);
    },
  };
}
