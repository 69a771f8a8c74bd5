import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../gpu/errors.ts';
import { checkResumable, loadCheckpoint } from '../train/checkpoint.ts';
import { RUN_FILES, type RunSummary } from '../train/rundir.ts';
import { type SeedsSummary, seedsSummary } from '../train/seeds.ts';
import type { Context } from './command.ts';
import { folderStore } from './folder_store.ts';
import { configFrom, freeFolder } from './run_options.ts';
import { readText } from './setup.ts';
import { type Shared, trainRun } from './train_run.ts';

/** In the folder of a run over several seeds, beside its config.json. */
const SEEDS_FILE = 'seeds.json';

/** Seeds as they are typed: `0,1,2` or `0-4`. @throws UserError for anything else, and for fewer than two */
function parseSeeds(text: string): number[] {
  const seeds = text.split(',').flatMap((part) => {
    const match = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || last < first || last - first > 999 || last > 0xffffffff) {
      throw new UserError(`--seeds is ${text}; expected whole numbers such as 0,1,2 or 0-4.`);
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  if (seeds.length < 2 || new Set(seeds).size < seeds.length) {
    throw new UserError(`--seeds is ${text}; expected two different seeds or more. One alone is --seed.`);
  }
  return seeds;
}

/** The seeds of a folder that `trainSeeds` made; undefined for any other. */
export async function seedsOf(folder: string | undefined): Promise<string | undefined> {
  const path = folder === undefined ? undefined : join(folder, SEEDS_FILE);
  if (path === undefined || !existsSync(path)) return undefined;
  return (JSON.parse(await readText(path)) as number[]).join(',');
}

/**
 * The same run with several seeds, each in a folder of its own (`seed-0`), and what they have in common. Stopped and started
 * again it goes on where it was: finished seeds are not repeated.
 * @returns undefined after a dry run
 */
export async function trainSeeds(
  context: Context,
  options: Readonly<Record<string, unknown>>,
  file?: string,
): Promise<{ where: string; summary: SeedsSummary } | undefined> {
  const { seeds: text, resume, seed, ...rest } = options as Record<string, string | undefined>;
  if (seed !== undefined)
    throw new UserError(`--seed ${seed} and --seeds ${text} exclude each other: give one of them.`);
  const seeds = parseSeeds(text as string);
  const from = resume === undefined ? file : join(resume, RUN_FILES.config);
  if (options.dryRun) {
    await trainRun(context, { ...rest, seed: String(seeds[0]) }, from);
    return undefined;
  }
  const { output_dir, seed: _, ...resolved } = await configFrom(from, rest, undefined);
  // 0 stands for a number of epochs, which only a run with its problems turns into steps.
  const config = { ...resolved, ...(resolved.max_steps === 0 && { max_steps: undefined }) };
  const where = resume ?? output_dir ?? freeFolder(config.model ?? 'run');
  const store = await folderStore(where);
  const known = await seedsOf(where);
  if (known === undefined && (await store.list()).length > 0) {
    throw new UserError(`${where} already holds files, and no run over seeds. Name another folder with --out.`);
  }
  if (known !== undefined && known !== seeds.join(',')) {
    throw new UserError(
      `${where} holds a run over the seeds ${known}, not ${seeds.join(',')}. Give these, or another --out.`,
    );
  }
  if (known === undefined) {
    await store.writeAtomic(RUN_FILES.config, `${JSON.stringify(config, null, 2)}\n`);
    await store.writeAtomic(SEEDS_FILE, `${JSON.stringify(seeds)}\n`);
  }

  const shared: Shared = {};
  const runs: RunSummary[] = [];
  for (const each of seeds) {
    const folder = join(where, `seed-${each}`);
    context.note(`seed ${each} (${runs.length + 1} of ${seeds.length}): ${folder}`);
    const wanted = { ...rest, seed: String(each), out: folder, ...profileOf(rest, each) };
    const run = existsSync(join(folder, RUN_FILES.checkpoint))
      ? await resumeSeed(context, wanted, from, folder, shared)
      : await trainRun(context, wanted, from, shared);
    runs.push((run as NonNullable<typeof run>).summary);
  }
  const summary = seedsSummary(runs);
  await store.writeAtomic(RUN_FILES.summary, `${JSON.stringify(summary, null, 2)}\n`);
  return { where, summary };
}

/** A place for each seed's profile: one that was named would hold the last seed's alone. */
function profileOf({ profile }: Readonly<Record<string, unknown>>, seed: number): { profile?: string } {
  if (typeof profile !== 'string') return {};
  return {
    profile: /\.json$/.test(profile) ? profile.replace(/\.json$/, `-seed-${seed}.json`) : join(profile, `seed-${seed}`),
  };
}

/** Goes on with a seed's folder, if it was made by the configuration that is asked for now. */
async function resumeSeed(
  context: Context,
  wanted: Record<string, string | undefined>,
  file: string | undefined,
  folder: string,
  shared: Shared,
) {
  const checkpoint = await loadCheckpoint(await folderStore(folder));
  const config = await configFrom(file, wanted, undefined);
  checkResumable(checkpoint, config, checkpoint.model, folder);
  const steps = config.max_steps > 0 ? { steps: String(config.max_steps) } : {};
  return trainRun(context, { resume: folder, ...steps }, undefined, shared);
}
