import * as ops from '../autograd/ops.ts';
import { Tape } from '../autograd/tape.ts';
import { UserError } from '../gpu/errors.ts';
import type { Tensor } from '../gpu/tensor.ts';
import { logProbabilities } from '../model/log_probabilities.ts';
import type { Model } from '../model/model.ts';
import { packSequence, uploadPacked, uploadSequence } from '../model/packing.ts';
import type { TensorToWrite } from '../model/safetensors.ts';
import type { Steering } from '../model/steering.ts';
import { finalNorm } from '../model/transformer.ts';
import { residualStates } from './residual_stream.ts';

/**
 * Everything that one needs to compare the engine with another: for a sequence of T tokens `logits` [T, V],
 * `resid_post.{l}` [T, C] after the vector was added, `logprobs` [T − 1] of each next token at temperature 1, `loss`
 * (their negative mean) and `grad.steering` [L, C], the gradient of that loss.
 *
 * @param steering zero vectors where the model is to run without
 * @throws UserError for fewer than two tokens, or ids outside of the vocabulary
 */
export async function dumpTensors(model: Model, ids: readonly number[], steering: Steering): Promise<TensorToWrite[]> {
  const { device, config } = model;
  const { vocab_size: v, hidden_size: c, num_hidden_layers: layers } = config;
  checkIds(ids, v, model.maxPositions);
  const { arena } = device;
  const t = ids.length;
  // The last token predicts nothing, so it has no row in the training layout: its logits come from a pass of their own.
  const { logits, resid } = await plainPass(model, ids, steering);
  const [logprobs, gradient] = await arena.guard(async () => {
    const tables = uploadPacked(device, packSequence(ids));
    const grad = device.upload(new Float32Array(layers * c), [layers, c], 'f32', 'grad.steering');
    const tape = new Tape(device, { grad, layers: new Set(Array.from({ length: layers }, (_, l) => l)) });
    const logp = logProbabilities(tape, model, tables, { temperature: 1, steering });
    const coef = device.upload(new Float32Array(t - 1).fill(-1 / (t - 1)), [t - 1], 'f32', 'd logp');
    tape.backward(logp, { tensor: coef, references: 1 });
    const read = await device.readBytes([logp.tensor, grad]);
    tape.release(logp);
    arena.free(grad);
    tables.free();
    return read.map((bytes) => new Float32Array(bytes.buffer)) as [Float32Array, Float32Array];
  });

  const loss = -logprobs.reduce((sum, x) => sum + x, 0) / (t - 1);
  const f32 = (name: string, shape: readonly number[], data: Float32Array): TensorToWrite => ({
    name,
    dtype: 'F32',
    shape,
    data,
  });
  return [
    f32('logits', [t, v], logits),
    ...resid.map((data, l) => f32(`resid_post.${l}`, [t, c], data)),
    f32('logprobs', [t - 1], logprobs),
    f32('loss', [1], Float32Array.of(loss)),
    f32('grad.steering', [layers, c], gradient),
  ];
}

/** Logits [T, V] and every resid_post [T, C] of one sequence. */
export async function plainPass(
  model: Model,
  ids: readonly number[],
  steering?: Steering,
): Promise<{ logits: Float32Array; resid: Float32Array[] }> {
  const { device } = model;
  const { vocab_size: v } = model.config;
  const t = ids.length;
  const tables = uploadSequence(device, ids);
  const tape = new Tape(device);
  const states = residualStates(model, tables, steering); // resid_pre, then every resid_post, [T, C] each
  const last = tape.borrow(states.at(-1) as Tensor);
  const hidden = finalNorm(tape, model, last, tables.headRows, t);
  const scores = ops.logits(tape, hidden, model.lm_head, 1);
  const stride = scores.tensor.shape[1] as number;
  const padded = await device.read(scores.tensor);
  const resid = (await device.readBytes(states.slice(1))).map((bytes) => new Float32Array(bytes.buffer));
  tape.release(hidden, scores);
  for (const tensor of states) device.arena.free(tensor);
  tables.free();
  const logits = new Float32Array(t * v); // [T, V]
  for (let i = 0; i < t; i++) logits.set(padded.subarray(i * stride, i * stride + v), i * v);
  return { logits, resid };
}

/** @throws UserError for fewer than two ids, more than the context holds, or ids that the vocabulary does not have */
export function checkIds(ids: readonly number[], vocab: number, context: number): void {
  if (ids.length < 2)
    throw new UserError(`${ids.length} token ids were given: at least 2 are needed, as each predicts the next.`);
  if (ids.length > context)
    throw new UserError(`${ids.length} token ids were given, and the context holds ${context}.`);
  const bad = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocab);
  if (bad >= 0) throw new UserError(`token ${bad} is ${ids[bad]}: ids go from 0 to ${vocab - 1} in this model.`);
}
