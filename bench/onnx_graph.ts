/** Just enough of ONNX's protobuf (onnx.proto3) to write a graph of float tensors, as bytes that onnxruntime loads. */

type Field = Uint8Array;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const bytesField = (number: number, bytes: Uint8Array): Field =>
  concat([Uint8Array.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
const textField = (number: number, text: string) => bytesField(number, new TextEncoder().encode(text));
const message = (number: number, fields: readonly Field[]) => bytesField(number, concat(fields));
const intField = (number: number, value: number): Field => Uint8Array.from([...varint(number << 3), ...varint(value)]);
const floatField = (number: number, value: number): Field =>
  concat([Uint8Array.from(varint((number << 3) | 5)), new Uint8Array(Float32Array.of(value).buffer)]);

/** ONNX's codes of element types. */
const CODES = { f32: 1, i32: 6, i64: 7 } as const;
const ATTRIBUTE = { float: 1, int: 2 } as const;

export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly ints?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  /** `com.microsoft` for onnxruntime's own operators. */
  readonly domain?: string;
}

export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** A graph's values by name with their shapes. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

export function onnxModel(graph: {
  nodes: readonly Node[];
  constants: readonly Constant[];
  inputs: Shapes;
  outputs: Shapes;
}): Uint8Array {
  return concat([
    intField(1, 8), // ir_version
    message(7, [
      ...graph.nodes.map(node),
      textField(2, 'graph'),
      ...graph.constants.map(constant),
      ...Object.entries(graph.inputs).map(([name, shape]) => value(11, name, shape)),
      ...Object.entries(graph.outputs).map(([name, shape]) => value(12, name, shape)),
    ]),
    message(8, [textField(1, ''), intField(2, 17)]), // opset_import
    message(8, [textField(1, 'com.microsoft'), intField(2, 1)]),
  ]);
}

function node({ op, inputs, outputs, ints = {}, floats = {}, domain }: Node): Field {
  return message(1, [
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(4, op),
    ...Object.entries(ints).map(([name, i]) =>
      message(5, [textField(1, name), intField(3, i), intField(20, ATTRIBUTE.int)]),
    ),
    ...Object.entries(floats).map(([name, f]) =>
      message(5, [textField(1, name), floatField(2, f), intField(20, ATTRIBUTE.float)]),
    ),
    ...(domain === undefined ? [] : [textField(7, domain)]),
  ]);
}

function constant({ name, shape, data }: Constant): Field {
  const code = data instanceof Float32Array ? CODES.f32 : data instanceof Int32Array ? CODES.i32 : CODES.i64;
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message(5, [
    ...shape.map((size) => intField(1, size)),
    intField(2, code),
    textField(8, name),
    bytesField(9, raw),
  ]);
}

function value(number: number, name: string, shape: readonly number[]): Field {
  const dims = shape.map((size) => message(1, [intField(1, size)]));
  return message(number, [textField(1, name), message(2, [message(1, [intField(1, CODES.f32), message(2, dims)])])]);
}
