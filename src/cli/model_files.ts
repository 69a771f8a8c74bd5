import type { Command } from 'commander';
import { formatBytes } from '../gpu/bytes.ts';
import type { ModelFolder, RandomAccess } from '../model/files.ts';
import { findModel, type HubOptions, type HubPart } from '../model/hub.ts';
import { Progress } from './progress.ts';

/** What `--model` takes, for its help. */
export const MODEL_HELP =
  'Hugging Face folder, .gguf file, or name on the Hub: owner/name[@revision], owner/name/file.gguf, owner/name:Q4_K_M';

/** Adds `--offline`, which is huggingface_hub's own variable for this process. */
export function addOffline(command: Command): Command {
  return command
    .option('--offline', 'open no connection: take models and data of the Hub from the cache alone (HF_HUB_OFFLINE=1)')
    .on('option:offline', () => {
      process.env.HF_HUB_OFFLINE = '1';
    });
}

/** The files of a model by path or by name on the Hub; shows what is downloaded. @throws UserError as `findModel` */
export async function modelFiles(model: string, part?: HubPart): Promise<ModelFolder | RandomAccess> {
  return withHubProgress((options) => findModel(model, options, part));
}

/** Downloads above this size are shown. */
const SHOW_ABOVE = 2 ** 20;

/** Runs `work` with options for the Hub that show its downloads and remarks on standard error. */
export async function withHubProgress<T>(work: (options: HubOptions) => Promise<T>): Promise<T> {
  let progress: Progress | undefined;
  let shown = 0;
  try {
    return await work({
      onNote: (line) => process.stderr.write(`${line}\n`),
      onProgress: ({ file, done, total }) => {
        if (total !== shown) {
          progress?.finish();
          shown = total;
          progress = total > SHOW_ABOVE ? new Progress({ label: 'download', total, format: formatBytes }) : undefined;
        }
        progress?.update(done, { text: file });
      },
    });
  } finally {
    progress?.finish();
  }
}
