import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Tuning } from '../src/gpu/tuning.ts';

/** A tuning, and the file that it was read from. */
export interface UsedTuning extends Tuning {
  readonly file: string;
}

/** Load average from which on a run shares its cores: figures of a machine with nothing else to do begin below it. */
const IDLE_LOAD = 0.5;

/** What a figure depends on besides the code: the first line of every file of results. */
export interface Environment {
  readonly name: 'environment';
  readonly date: string;
  readonly adapter: string;
  readonly toggles: readonly string[];
  /** Which variants of the products were taken; null for the launchers' own choice. */
  readonly tuning: UsedTuning | null;
  /** Of the last minute before the run, as the system counts: processes that compute or wait to. */
  readonly load: number;
  readonly trimtab: string;
  readonly node: string;
  readonly system: string;
  readonly cpu: string;
  readonly memoryGiB: number;
  /** Of the packages that compute; `webgpu` is Dawn. */
  readonly packages: Readonly<Record<string, string>>;
}

const PACKAGES = ['webgpu', '@sparticuz/chromium', '@jax-js/jax', '@tensorflow/tfjs-backend-webgpu'];
const HEAVY_PEERS = ['onnxruntime-node', '@huggingface/transformers', 'node-llama-cpp', 'doppler-gpu'];

/** @param root the folder with trimtab's package.json */
export function environmentOf(
  adapter: string,
  toggles: readonly string[],
  tuning: UsedTuning | null,
  root: string,
): Environment {
  const [cpu] = cpus();
  const installed = [
    ...PACKAGES.map((name) => [name, join(root, 'node_modules', name)] as const),
    ...HEAVY_PEERS.map((name) => [name, join(root, 'bench/peers/node_modules', name)] as const),
  ].flatMap(([name, folder]) => {
    const file = join(folder, 'package.json');
    return existsSync(file) ? [[name, JSON.parse(readFileSync(file, 'utf8')).version as string] as const] : [];
  });
  return {
    name: 'environment',
    date: new Date().toISOString(),
    adapter,
    toggles,
    tuning,
    load: Number((loadavg()[0] as number).toFixed(2)),
    trimtab: commitOf(root),
    node: process.version,
    system: `${platform()} ${release()} ${arch()}`,
    cpu: `${cpu?.model ?? 'unknown'}, ${cpus().length} threads`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    packages: Object.fromEntries(installed),
  };
}

/** Why figures of a run that begins now are not to be believed: undefined where nothing tells. */
export function disturbance({ load }: Environment): string | undefined {
  if (load <= IDLE_LOAD) return undefined;
  return `something else is running: the load average is ${load}, so expect wider quartiles and lower rates.`;
}

/** The commit, with `+` where files differ from it. */
function commitOf(root: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '+' : '');
  } catch {
    return 'unknown';
  }
}
