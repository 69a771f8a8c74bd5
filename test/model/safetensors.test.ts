import { describe, expect, it } from 'vitest';
import { openFile } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { memoryFile } from '../../src/model/files.ts';
import {
  parseSafetensors,
  readSafetensorsHeader,
  type TensorToWrite,
  writeSafetensors,
} from '../../src/model/safetensors.ts';
import demo from '../golden/demo.json';
import { repositoryPath } from '../setup/files.ts';

const TENSORS: TensorToWrite[] = [
  { name: 'b', dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  { name: 'steering', dtype: 'F32', shape: [2, 2], data: Float32Array.of(1.5, -2, 0.25, 0) },
  { name: 'a', dtype: 'I32', shape: [2], data: Int32Array.of(7, -7) },
];

/** What safetensors 0.8 in Python makes of them, with the metadata {model: 'demo'}. */
const PYTHON =
  '0AAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJtb2RlbCI6ImRlbW8ifSwic3RlZXJpbmciOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsMl0sImRhdGFf' +
  'b2Zmc2V0cyI6WzAsMTZdfSwiYSI6eyJkdHlwZSI6IkkzMiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sImIiOnsiZHR5cGUiOiJV' +
  'OCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzI0LDI3XX19ICAgAADAPwAAAMAAAIA+AAAAAAcAAAD5////AQID';

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** A file with this header and so many bytes of data. */
function fileWith(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setUint32(0, json.length, true);
  file.set(json, 8);
  return file;
}

describe('safetensors', () => {
  it('writes the bytes that the reference implementation writes, whatever the order of the tensors', () => {
    for (const tensors of [TENSORS, [...TENSORS].reverse()]) {
      expect(writeSafetensors(tensors, { model: 'demo' })).toEqual(bytesOf(PYTHON));
    }
  });

  it('reads back what it wrote', () => {
    const { tensors, metadata } = parseSafetensors(bytesOf(PYTHON));
    expect(metadata).toEqual({ model: 'demo' });
    expect(tensors.size).toBe(3);
    for (const { name, shape, data } of TENSORS) {
      expect(tensors.get(name)).toMatchObject({ shape, data });
    }
  });

  it('reads halves as the numbers they stand for', () => {
    const file = writeSafetensors([
      { name: 'f16', dtype: 'F16', shape: [4], data: Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff) },
      { name: 'bf16', dtype: 'BF16', shape: [3], data: Uint16Array.of(0x3f80, 0xc049, 0x0000) },
    ]);
    const { tensors } = parseSafetensors(file);
    expect(tensors.get('f16')?.data).toEqual(Float32Array.of(1, -2, 2 ** -24, 65504));
    expect(tensors.get('bf16')?.data).toEqual(Float32Array.of(1, -3.140625, 0));
  });

  it('reads a file that PyTorch wrote', async () => {
    const file = await openFile(repositoryPath('test/golden/demo.safetensors'));
    const { tensors } = parseSafetensors(await file.read(0, file.size));
    await file.close();
    expect(tensors.get('ids')?.data).toEqual(Int32Array.of(...demo.prompt_ids, ...demo.completion_ids));
    expect(tensors.get('steering')?.shape).toEqual([6, 128]);
  });

  it('reads from any offset of a larger buffer', () => {
    const file = bytesOf(PYTHON);
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect(parseSafetensors(shifted.subarray(3)).tensors.get('steering')?.data).toEqual(
      Float32Array.of(1.5, -2, 0.25, 0),
    );
  });

  const f32 = (shape: number[], begin: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });
  it.each([
    ['an empty file', new Uint8Array(), /has 0 bytes/],
    [
      'a header longer than the file',
      bytesOf(PYTHON).subarray(0, 100),
      /bad\.safetensors is truncated.*208 bytes.*100 in all/,
    ],
    ['missing data', bytesOf(PYTHON).subarray(0, -1), /is truncated: its header describes 243 bytes, the file has 242/],
    ['bytes after the last tensor', fileWith({ w: f32([2], 0, 8) }, 9), /has bytes after its last tensor/],
    ['a header that is no JSON', fileWith('{"w": [', 0), /its header is not JSON/],
    ['a header that is no object', fileWith('[]', 0), /its header is not a JSON object/],
    [
      'an entry without offsets',
      fileWith({ w: { dtype: 'F32', shape: [2] } }, 8),
      /tensor w needs dtype, shape and data_offsets/,
    ],
    ['an unknown type', fileWith({ w: { ...f32([2], 0, 8), dtype: 'Q9' } }, 8), /tensor w is of the unknown type Q9/],
    [
      'the name of a method as a type',
      fileWith({ w: { ...f32([2], 0, 8), dtype: 'constructor' } }, 8),
      /tensor w is of the unknown type constructor/,
    ],
    [
      'offsets that do not fit the shape',
      fileWith({ w: f32([3], 0, 8) }, 8),
      /tensor w of shape \[3\] in F32 takes 12 bytes, its offsets give 8/,
    ],
    ['overlapping tensors', fileWith({ w: f32([2], 0, 8), x: f32([2], 4, 12) }, 12), /tensor x begins at byte/],
    ['offsets outside the file', fileWith({ w: f32([2], 0, 8), x: f32([2], 8, 16) }, 8), /is truncated/],
  ])('refuses %s in a message that names the file', async (_name, bytes, message) => {
    const reading = readSafetensorsHeader(memoryFile('bad.safetensors', bytes));
    await expect(reading).rejects.toThrow(UserError);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow(/^bad\.safetensors/);
    expect(() => parseSafetensors(bytes, 'bad.safetensors')).toThrow(message);
  });
});
