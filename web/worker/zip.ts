import { unzipSync, type Zippable, zipSync } from 'fflate';
import { formatBytes } from '../../src/gpu/bytes.ts';
import { UserError } from '../../src/gpu/errors.ts';

/** Bytes that an archive may unpack to: a long run has some tens of MiB, and an archive may promise anything. */
const MOST_BYTES = 2 ** 30;

/** An archive of a folder's files. */
export async function zipOf(folder: string, files: readonly File[]): Promise<Blob> {
  const content: Zippable = {};
  for (const file of files) {
    content[`${folder}/${file.name}`] = [
      new Uint8Array(await file.arrayBuffer()),
      { mtime: new Date(file.lastModified) },
    ];
  }
  const bytes = zipSync(content, { level: 6 });
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/zip' });
}

/** The files of an archive by their paths. @throws UserError for what is no archive, a damaged one, or one that is far too large */
export async function unzipped(file: File): Promise<{ path: string; bytes: Uint8Array }[]> {
  if (file.size > MOST_BYTES) refuseSize(file.name, file.size);
  const archive = new Uint8Array(await file.arrayBuffer());
  const checksums = new Map<string, number>();
  let content: Record<string, Uint8Array>;
  try {
    const inOrder = checksumsOf(archive);
    let total = 0;
    content = unzipSync(archive, {
      filter: ({ name, originalSize }) => {
        checksums.set(name, inOrder.next().value ?? 0);
        total += originalSize;
        if (total > MOST_BYTES) refuseSize(file.name, total);
        return !name.endsWith('/');
      },
    });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file.name} cannot be read as a zip archive: ${(error as Error).message}.`);
  }
  return Object.entries(content).map(([path, bytes]) => {
    if (crc32(bytes) !== checksums.get(path)) {
      throw new UserError(`${file.name} is damaged: ${path} in it does not have its checksum. Take the archive again.`);
    }
    return { path, bytes };
  });
}

function refuseSize(name: string, bytes: number): never {
  throw new UserError(
    `${name} holds ${formatBytes(bytes)} or more, and a run folder may have ${formatBytes(MOST_BYTES)}: pick an archive of one run.`,
  );
}

/** The CRC-32 of each file, in the order of the archive's directory: what unpacks it compares none. */
function* checksumsOf(archive: Uint8Array): Generator<number, undefined> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.length);
  let end = archive.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return;
  let at = view.getUint32(end + 16, true);
  // Zip64: a locator before the end names a record that has the offset in 64 bits.
  if (end >= 20 && view.getUint32(end - 20, true) === 0x07064b50) {
    at = Number(view.getBigUint64(Number(view.getBigUint64(end - 12, true)) + 48, true));
  }
  while (at + 46 <= end && view.getUint32(at, true) === 0x02014b50) {
    yield view.getUint32(at + 16, true);
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}
