import { UserError } from '../gpu/errors.ts';
import { formatOf } from './tables.ts';

/** A data set of the Hub by name, as in `hf:openai/gsm8k/main/train` or `hf:owner/name@revision/data/test.jsonl`. */
interface HubData {
  /** `owner/name`. */
  readonly repo: string;
  readonly revision: string;
  /** A file within it, or a configuration and a split (`main/train`), or a split. */
  readonly part: string;
}

const NAME = /^hf:([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w.-]+))?\/(.+)$/;

/** Undefined for a path on this machine. @throws UserError for `hf:` and something else behind it */
export function parseHubData(setting: string): HubData | undefined {
  if (!setting.startsWith('hf:')) return undefined;
  const [, repo, revision = 'main', part] = NAME.exec(setting) ?? [];
  const odd = [revision, ...(part ?? '').split('/')].includes('..');
  if (repo !== undefined && part !== undefined && !odd) return { repo, revision, part: part.replace(/\/$/, '') };
  throw new UserError(
    `${setting} names no data of the Hub: hf:OWNER/NAME/CONFIG/SPLIT (hf:openai/gsm8k/main/train) or hf:OWNER/NAME/FILE was expected.`,
  );
}

/** What a file is a part of: its path without shard number, folder `data/` and ending. */
function splitOf(path: string): string {
  return path
    .replace(/\.\w+$/, '')
    .replace(/-\d{5}-of-\d{5}(?:-\w+)?$/, '')
    .replace(/^data\//, '');
}

const ENDING = /\.(?:jsonl|ndjson|json|csv|tsv|parquet)$/i;

/**
 * The files of a data set that hold a part of it, in the order of their shards.
 * @param paths all files of the repository
 * @throws UserError naming the parts that there are
 */
export function filesOfPart({ repo, part }: HubData, paths: readonly string[]): string[] {
  if (paths.includes(part)) return [part];
  const data = paths.filter((path) => ENDING.test(path));
  const found = data.filter((path) => splitOf(path) === splitOf(`${part}.x`)).sort();
  // Some repositories keep a split in two formats.
  const [first] = found;
  if (first !== undefined) return found.filter((path) => formatOf(path) === formatOf(first));
  const parts = [...new Set(data.map(splitOf))].sort();
  const shown = parts.slice(0, 12).join(', ');
  throw new UserError(
    `hf:${repo} has no ${part}. ${parts.length === 0 ? 'It holds no JSON lines, CSV or Parquet file.' : `It has ${shown}${parts.length > 12 ? `, and ${parts.length - 12} more` : ''}.`}`,
  );
}
