import { createGPU } from '#platform';
import type { Device } from '../src/gpu/device.ts';
import type { GPUOptions } from '../src/gpu/platform.ts';
import type { Contestant, Peer } from './contestant.ts';
import { interleaved } from './measure.ts';
import { ours } from './ours.ts';
import { jaxPeer } from './peer_jax.ts';
import { tfjsPeer } from './peer_tfjs.ts';
import { inputsOf, type Problem } from './problems.ts';
import type { Row, Rows } from './row.ts';

/** A result further from f64 than this is wrong, and its time means nothing. */
const WRONG = 1e-3;
/** On a software adapter a problem is left out when the roofline alone asks for more than this. */
const TOO_SLOW_MS = 1000;

const PEERS = [
  ['jax-js', '@jax-js/jax', jaxPeer],
  ['tfjs', '@tensorflow/tfjs-backend-webgpu', tfjsPeer],
] as const;

/** The libraries that are installed and start, on the same Dawn as trimtab; `note` hears of the others. */
export async function openPeers(options: GPUOptions, note: (line: string) => void): Promise<Peer[]> {
  // Both look for what a browser has.
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu: await createGPU(options), userAgent: 'node' },
    configurable: true,
  });
  const peers: Peer[] = [];
  for (const [name, packageName, open] of PEERS) {
    const peer = await open();
    if (peer) peers.push(peer);
    else note(`${name} is left out: ${packageName} is not installed, or found no adapter.`);
  }
  return peers;
}

/** trimtab and the peers on one problem, each checked against f64 and then timed in turns. */
export async function comparisonRows(
  device: Device,
  rows: Rows,
  problem: Problem,
  peers: readonly Peer[],
  all: boolean,
): Promise<Row[]> {
  const { name, shape, cost } = problem;
  const id = (impl: string) => ({ name, impl, shape, dtype: 'f32' });
  const least = rows.leastMs(cost);
  if (device.caps.isSoftware && !all && least > TOO_SLOW_MS) {
    const reason = `at least ${(least / 1000).toFixed(1)} s on this software adapter; --all runs it`;
    return ['trimtab', ...peers.map((peer) => peer.impl)].map((impl) => rows.skipped(id(impl), reason));
  }
  const inputs = inputsOf(problem);
  const contestants: Contestant[] = [];
  const errors: number[] = [];
  const failed: Row[] = [];
  const enter = async (impl: string, prepare: () => Promise<Contestant>) => {
    try {
      const contestant = await prepare();
      const error = await contestant.error();
      if (error <= WRONG) {
        contestants.push(contestant);
        errors.push(error);
      } else {
        contestant.free();
        failed.push(
          rows.skipped(id(impl), `its result is wrong: off by ${error.toExponential(1)} of the largest value`),
        );
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      failed.push(rows.skipped(id(impl), `it failed: ${message.split('\n')[0]}`));
    }
  };
  await enter('trimtab', async () => ours(device, problem, inputs));
  for (const peer of peers) await enter(peer.impl, () => peer.prepare(problem, inputs));
  try {
    const timings = await interleaved(contestants);
    const timed = contestants.map((contestant, i) => {
      const extra = { error: errors[i] as number, ...(contestant.note && { note: contestant.note }) };
      return rows.timed(id(contestant.impl), timings[i] as (typeof timings)[number], cost, extra);
    });
    return [...timed, ...failed];
  } finally {
    for (const contestant of contestants) contestant.free();
  }
}
