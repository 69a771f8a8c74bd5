import { type Command, Option } from 'commander';
import { cache, readFile } from '#platform';
import type { Device } from '../gpu/device.ts';
import { UserError } from '../gpu/errors.ts';
import { parseTuning, type Tuning, tuningName, UNTUNED } from '../gpu/tuning.ts';
import { identityOf, staleness } from '../kernels/tune.ts';
import { utf8 } from '../model/files.ts';

/** How every command that computes may be told to open the GPU. */
export interface GpuChoice {
  /** Dawn's toggles to switch on. */
  readonly toggles?: readonly string[];
  /** `auto` (what `trimtab tune` left in the cache), `off`, or a file. */
  readonly tuning?: string;
}

export function addGpuOptions(command: Command): void {
  command
    .option('--toggles <names>', 'Dawn toggles to switch on, such as allow_unsafe_apis (docs/performance.md)')
    .addOption(
      new Option('--tuning <how>', 'auto: what `trimtab tune` measured on this adapter; off; or a file of it')
        .env('TRIMTAB_TUNING')
        .default('auto'),
    );
}

export function gpuChoice(options: { readonly toggles?: string; readonly tuning?: string }): GpuChoice {
  const toggles = (options.toggles ?? '').split(',').map((name) => name.trim());
  return { toggles: toggles.filter((name) => name !== ''), ...(options.tuning && { tuning: options.tuning }) };
}

/**
 * The tuning to use on a device. A cached one that is broken or stale is left aside with a remark.
 * @throws UserError for a file that was named and is no tuning, or one of another adapter or version
 */
export async function tuningFor(device: Device, how: string, note: (line: string) => void): Promise<Tuning> {
  if (how === 'off') return UNTUNED;
  const named = how !== 'auto';
  const store = cache();
  const name = await tuningName(identityOf(device));
  const where = named ? how : `${store.where}/${name}`;
  const text = named ? utf8(await readFile(how), how) : await store.read(name);
  if (text === undefined) return UNTUNED;
  const file = parseTuning(text);
  const why = file ? await staleness(device, file) : 'it is no tuning of this version';
  if (file && why === undefined) return { order: file.order, choices: file.choices };
  if (named)
    throw new UserError(`${where} cannot be used: ${why}. Make another with \`trimtab tune\`, or give --tuning off.`);
  note(`${where} is not used: ${why}. \`trimtab tune\` measures again.`);
  return UNTUNED;
}
