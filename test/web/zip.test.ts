import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { runFilesOf } from '../../web/worker/run_files.ts';
import { unzipped, zipOf } from '../../web/worker/zip.ts';

const TEXT = '{"step": 0, "loss": 0.5}\n'.repeat(20);

function archive(files: Readonly<Record<string, string>>, level: 0 | 6 = 6): Uint8Array<ArrayBuffer> {
  const content = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, strToU8(text)]));
  return zipSync(content, { level }) as Uint8Array<ArrayBuffer>;
}

const fileOf = (bytes: Uint8Array<ArrayBuffer>) => new File([bytes], 'run.zip');

/** Where four bytes lie. */
function find(bytes: Uint8Array, signature: number): number {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 4 <= bytes.length; at++) if (view.getUint32(at, true) === signature) return at;
  throw new Error('the archive has no such record');
}

describe('an archive of a run', () => {
  it.each([0, 6] as const)('gives back what went into it, at level %i', async (level) => {
    const files = { 'a/config.json': '{}', 'a/metrics.jsonl': TEXT, 'a/empty.txt': '' };
    const back = await unzipped(fileOf(archive(files, level)));
    expect(Object.fromEntries(back.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]))).toEqual(files);
    const own = await zipOf('run', [new File([TEXT], 'metrics.jsonl')]);
    const [only] = await unzipped(new File([own], 'run.zip'));
    expect(only?.path).toBe('run/metrics.jsonl');
    expect(new TextDecoder().decode(only?.bytes)).toBe(TEXT);
  });

  it('is refused where a single bit of a file has changed', async () => {
    const bytes = archive({ 'config.json': '{}', 'metrics.jsonl': TEXT }, 0);
    const at = bytes.findIndex((_, i) => String.fromCharCode(...bytes.subarray(i, i + 3)) === '0.5');
    bytes[at + 2] = (bytes[at + 2] as number) ^ 1;
    await expect(unzipped(fileOf(bytes))).rejects.toThrow(/^run\.zip is damaged: metrics\.jsonl in it does not have/);
  });

  it('is refused where it promises more than any run has, before that much memory is asked for', async () => {
    const bytes = archive({ 'config.json': TEXT });
    new DataView(bytes.buffer).setUint32(find(bytes, 0x02014b50) + 24, 0xfffffff0, true);
    await expect(unzipped(fileOf(bytes))).rejects.toThrow(/^run\.zip holds 4\.0+ GiB or more|^run\.zip holds/);
  });

  it('is refused where it is cut off or no archive', async () => {
    const bytes = archive({ 'config.json': TEXT });
    await expect(unzipped(fileOf(bytes.slice(0, -30)))).rejects.toThrow(/^run\.zip cannot be read as a zip archive/);
    await expect(unzipped(fileOf(new Uint8Array(3)))).rejects.toThrow(/^run\.zip cannot be read as a zip archive/);
  });

  it('names no file outside the folder of its configuration', async () => {
    const files = {
      '../../evil.json': 'x',
      '../config.json': '{"deep": 1}',
      '/metrics.jsonl': 'absolute',
      '../more/metrics.jsonl': 'deeper',
      '../metrics.jsonl': 'beside',
    };
    const { name, files: found } = await runFilesOf([{ path: 'run.zip', file: fileOf(archive(files)) }]);
    expect(found.map((file) => file.name).sort()).toEqual(['config.json', 'metrics.jsonl']);
    expect(name).toBe('..');
  });
});
