import { createGPU } from '#platform';
import type { Device } from '../src/gpu/device.ts';
import type { GPUOptions } from '../src/gpu/platform.ts';
import type { Contestant, Peer } from './contestant.ts';
import { interleaved } from './measure.ts';
import { ours } from './ours.ts';
import { jaxPeer } from './peer_jax.ts';
import { ortPeer } from './peer_ort.ts';
import { tfjsPeer } from './peer_tfjs.ts';
import { inputsOf, type Problem } from './problems.ts';
import { FAILED, failure, type Row, type Rows } from './row.ts';

/** A result further from f64 than this is wrong, and its time means nothing. */
const WRONG = 1e-3;
/** On a software adapter an implementation that would take longer than this for one execution is left out. */
const TOO_SLOW_MS = 1500;

const PEERS = [
  ['jax-js', '@jax-js/jax', jaxPeer],
  ['tfjs', '@tensorflow/tfjs-backend-webgpu', tfjsPeer],
] as const;

/** The libraries that are installed and start, on the same Dawn as trimtab; `note` hears of the others. */
export async function openPeers(
  options: GPUOptions,
  peersFolder: string,
  note: (line: string) => void,
): Promise<Peer[]> {
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
  const ort = await ortPeer(peersFolder, !options.toggles?.includes('disable_robustness'));
  if (ort) peers.push(ort);
  else note('onnxruntime is left out: npm install --prefix bench/peers installs it.');
  return peers;
}

/** trimtab and its peers, problem by problem. */
export class Comparison {
  readonly #device: Device;
  readonly #rows: Rows;
  readonly #peers: readonly Peer[];
  readonly #all: boolean;
  /** GFLOP/s of an implementation on the last problem of a task: foretells how long the next one takes. */
  readonly #rates = new Map<string, number>();

  constructor(device: Device, rows: Rows, peers: readonly Peer[], all: boolean) {
    this.#device = device;
    this.#rows = rows;
    this.#peers = peers;
    this.#all = all;
  }

  /** Checks every implementation against f64 and then times them in turns; `onTurn` hears what is under way. */
  async rows(problem: Problem, onTurn?: (what: string) => void): Promise<Row[]> {
    const inputs = inputsOf(problem);
    const entered: { contestant: Contestant; error: number }[] = [];
    const missing: Row[] = [];
    const able = this.#peers.filter((peer) => peer.supports?.(problem) ?? true);
    const implementations = [
      { impl: 'trimtab', prepare: async () => ours(this.#device, problem, inputs) },
      ...able.map((peer) => ({ impl: peer.impl, prepare: () => peer.prepare(problem, inputs) })),
    ];
    for (const { impl, prepare } of implementations) {
      onTurn?.(`checking ${impl}`);
      const outcome = this.#tooSlow(impl, problem) ?? (await enter(prepare));
      if (typeof outcome === 'string') missing.push(this.#rows.skipped(id(problem, impl), outcome));
      else entered.push(outcome);
    }
    try {
      const timings = await interleaved(
        entered.map(({ contestant }) => contestant),
        undefined,
        (done, total) => onTurn?.(`turn ${done}/${total}`),
      );
      const native = new Set(this.#peers.filter((peer) => peer.native).map(({ impl }) => impl));
      const own = timings[entered.findIndex(({ contestant }) => contestant.impl === 'trimtab')]?.median;
      const fastest = (counts: (impl: string) => boolean) =>
        Math.min(...timings.filter((_, i) => counts(entered[i]?.contestant.impl ?? '')).map(({ median }) => median));
      const peer = fastest((impl) => impl !== 'trimtab');
      const script = fastest((impl) => impl !== 'trimtab' && !native.has(impl));
      const ratios =
        own === undefined ? {} : { ...over('speedup', peer, own), ...over('speedup_javascript', script, own) };
      const unable = this.#peers.filter((other) => !able.includes(other));
      const against = opponents(entered, [
        ...missing.map(({ impl, skipped = '' }) => ({ impl, why: skipped.replace(`${FAILED}: `, '') })),
        ...unable.map(({ impl }) => ({ impl, why: 'has no such operation' })),
      ]);
      const timed = entered.map(({ contestant: { impl, note }, error }, i) => {
        const notes = [note, impl === 'trimtab' && against].filter(Boolean).join('; ');
        const timing = timings[i] as (typeof timings)[number];
        this.#rates.set(`${impl} ${problem.name}`, work(problem) / timing.median / 1e6);
        return this.#rows.timed(id(problem, impl), timing, problem.cost, {
          error,
          ...(impl === 'trimtab' && ratios),
          ...(notes && { note: notes }),
        });
      });
      return [...timed, ...missing];
    } finally {
      for (const { contestant } of entered) contestant.free();
    }
  }

  #tooSlow(impl: string, problem: Problem): string | undefined {
    if (this.#all || !this.#device.caps.isSoftware) return undefined;
    const rate = this.#rates.get(`${impl} ${problem.name}`) ?? Number.POSITIVE_INFINITY;
    const ms = Math.max(this.#rows.leastMs(problem.cost), work(problem) / rate / 1e6);
    if (ms <= TOO_SLOW_MS) return undefined;
    return `about ${(ms / 1000).toFixed(1)} s on this software adapter; --all runs it`;
  }
}

/** Which peers a speed-up is over, where some were not counted, with the reasons; else undefined. */
function opponents(
  entered: readonly { contestant: Contestant }[],
  absent: readonly { impl: string; why: string }[],
): string | undefined {
  const counted = entered.map(({ contestant: { impl } }) => impl).filter((impl) => impl !== 'trimtab');
  if (counted.length === 0 || absent.length === 0) return undefined;
  return [`fastest peer of ${counted.join(', ')}`, ...absent.map(({ impl, why }) => `${impl}: ${why}`)].join('; ');
}

/** A ratio by its name, where there is somebody to compare with. */
function over(name: 'speedup' | 'speedup_javascript', peer: number, own: number) {
  return Number.isFinite(peer) ? { [name]: peer / own } : {};
}

/** What foretells the time: operations, or bytes where a task only moves data. */
function work({ cost }: Problem): number {
  return cost.flops || cost.bytes;
}

function id(problem: Problem, impl: string) {
  return { name: problem.name, impl, shape: problem.shape, dtype: 'f32' };
}

/** The implementation with its error, or why it cannot be timed. */
async function enter(prepare: () => Promise<Contestant>): Promise<{ contestant: Contestant; error: number } | string> {
  try {
    const contestant = await prepare();
    const error = await contestant.error();
    if (error <= WRONG) return { contestant, error };
    contestant.free();
    return `${FAILED}: its result is off by ${error.toExponential(1)} of the largest value`;
  } catch (error) {
    return failure(error);
  }
}
