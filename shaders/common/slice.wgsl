// A lane's share of one head's HEAD_DIM numbers (a multiple of 4, at most 256): the vec4s lane, lane + 4, lane + 8, …
// All indices are constants, under conditions on constants: a local array indexed by a loop variable lives in memory on
// some adapters. AT3 is 3 where a slice has that element; elsewhere it only keeps the index valid in code never
// reached. Where HEAD_DIM is no multiple of 16, the last vec4 of some lanes lies beyond the head and is zero.

const HEAD_VECS = HEAD_DIM / 4u;
const SLICE_VECS = (HEAD_VECS + 3u) / 4u;

const AT1 = min(1u, SLICE_VECS - 1u);
const AT2 = min(2u, SLICE_VECS - 1u);
const AT3 = min(3u, SLICE_VECS - 1u);
const AT4 = min(4u, SLICE_VECS - 1u);
const AT5 = min(5u, SLICE_VECS - 1u);
const AT6 = min(6u, SLICE_VECS - 1u);
const AT7 = min(7u, SLICE_VECS - 1u);
const AT8 = min(8u, SLICE_VECS - 1u);
const AT9 = min(9u, SLICE_VECS - 1u);
const AT10 = min(10u, SLICE_VECS - 1u);
const AT11 = min(11u, SLICE_VECS - 1u);
const AT12 = min(12u, SLICE_VECS - 1u);
const AT13 = min(13u, SLICE_VECS - 1u);
const AT14 = min(14u, SLICE_VECS - 1u);
const AT15 = min(15u, SLICE_VECS - 1u);

alias Slice = array<vec4f, SLICE_VECS>;

/// `slice` with zeros for what was loaded beyond the head.
fn slice_inside(slice: Slice, lane: u32) -> Slice {
  var s = slice;
  if (HEAD_VECS % 4u != 0u && lane >= HEAD_VECS % 4u) { s[SLICE_VECS - 1u] = vec4f(); }
  return s;
}

/// This lane's part of x · y.
fn slice_dot(x: Slice, y: Slice) -> f32 {
  var s = vec4f();
  s += x[0] * y[0];
  if (SLICE_VECS > 1u) { s += x[AT1] * y[AT1]; }
  if (SLICE_VECS > 2u) { s += x[AT2] * y[AT2]; }
  if (SLICE_VECS > 3u) { s += x[AT3] * y[AT3]; }
  if (SLICE_VECS > 4u) { s += x[AT4] * y[AT4]; }
  if (SLICE_VECS > 5u) { s += x[AT5] * y[AT5]; }
  if (SLICE_VECS > 6u) { s += x[AT6] * y[AT6]; }
  if (SLICE_VECS > 7u) { s += x[AT7] * y[AT7]; }
  if (SLICE_VECS > 8u) { s += x[AT8] * y[AT8]; }
  if (SLICE_VECS > 9u) { s += x[AT9] * y[AT9]; }
  if (SLICE_VECS > 10u) { s += x[AT10] * y[AT10]; }
  if (SLICE_VECS > 11u) { s += x[AT11] * y[AT11]; }
  if (SLICE_VECS > 12u) { s += x[AT12] * y[AT12]; }
  if (SLICE_VECS > 13u) { s += x[AT13] * y[AT13]; }
  if (SLICE_VECS > 14u) { s += x[AT14] * y[AT14]; }
  if (SLICE_VECS > 15u) { s += x[AT15] * y[AT15]; }
  return (s.x + s.y) + (s.z + s.w);
}

/// y += factor * x
fn slice_add(y: ptr<function, Slice>, factor: f32, x: Slice) {
  (*y)[0] += factor * x[0];
  if (SLICE_VECS > 1u) { (*y)[AT1] += factor * x[AT1]; }
  if (SLICE_VECS > 2u) { (*y)[AT2] += factor * x[AT2]; }
  if (SLICE_VECS > 3u) { (*y)[AT3] += factor * x[AT3]; }
  if (SLICE_VECS > 4u) { (*y)[AT4] += factor * x[AT4]; }
  if (SLICE_VECS > 5u) { (*y)[AT5] += factor * x[AT5]; }
  if (SLICE_VECS > 6u) { (*y)[AT6] += factor * x[AT6]; }
  if (SLICE_VECS > 7u) { (*y)[AT7] += factor * x[AT7]; }
  if (SLICE_VECS > 8u) { (*y)[AT8] += factor * x[AT8]; }
  if (SLICE_VECS > 9u) { (*y)[AT9] += factor * x[AT9]; }
  if (SLICE_VECS > 10u) { (*y)[AT10] += factor * x[AT10]; }
  if (SLICE_VECS > 11u) { (*y)[AT11] += factor * x[AT11]; }
  if (SLICE_VECS > 12u) { (*y)[AT12] += factor * x[AT12]; }
  if (SLICE_VECS > 13u) { (*y)[AT13] += factor * x[AT13]; }
  if (SLICE_VECS > 14u) { (*y)[AT14] += factor * x[AT14]; }
  if (SLICE_VECS > 15u) { (*y)[AT15] += factor * x[AT15]; }
}

/// y += f.x * a + f.y * b + f.z * c + f.w * d, added in this order.
fn slice_add4(y: ptr<function, Slice>, f: vec4f, a: Slice, b: Slice, c: Slice, d: Slice) {
  (*y)[0] = ((((*y)[0] + f.x * a[0]) + f.y * b[0]) + f.z * c[0]) + f.w * d[0];
  if (SLICE_VECS > 1u) { (*y)[AT1] = ((((*y)[AT1] + f.x * a[AT1]) + f.y * b[AT1]) + f.z * c[AT1]) + f.w * d[AT1]; }
  if (SLICE_VECS > 2u) { (*y)[AT2] = ((((*y)[AT2] + f.x * a[AT2]) + f.y * b[AT2]) + f.z * c[AT2]) + f.w * d[AT2]; }
  if (SLICE_VECS > 3u) { (*y)[AT3] = ((((*y)[AT3] + f.x * a[AT3]) + f.y * b[AT3]) + f.z * c[AT3]) + f.w * d[AT3]; }
  if (SLICE_VECS > 4u) { (*y)[AT4] = ((((*y)[AT4] + f.x * a[AT4]) + f.y * b[AT4]) + f.z * c[AT4]) + f.w * d[AT4]; }
  if (SLICE_VECS > 5u) { (*y)[AT5] = ((((*y)[AT5] + f.x * a[AT5]) + f.y * b[AT5]) + f.z * c[AT5]) + f.w * d[AT5]; }
  if (SLICE_VECS > 6u) { (*y)[AT6] = ((((*y)[AT6] + f.x * a[AT6]) + f.y * b[AT6]) + f.z * c[AT6]) + f.w * d[AT6]; }
  if (SLICE_VECS > 7u) { (*y)[AT7] = ((((*y)[AT7] + f.x * a[AT7]) + f.y * b[AT7]) + f.z * c[AT7]) + f.w * d[AT7]; }
  if (SLICE_VECS > 8u) { (*y)[AT8] = ((((*y)[AT8] + f.x * a[AT8]) + f.y * b[AT8]) + f.z * c[AT8]) + f.w * d[AT8]; }
  if (SLICE_VECS > 9u) { (*y)[AT9] = ((((*y)[AT9] + f.x * a[AT9]) + f.y * b[AT9]) + f.z * c[AT9]) + f.w * d[AT9]; }
  if (SLICE_VECS > 10u) { (*y)[AT10] = ((((*y)[AT10] + f.x * a[AT10]) + f.y * b[AT10]) + f.z * c[AT10]) + f.w * d[AT10]; }
  if (SLICE_VECS > 11u) { (*y)[AT11] = ((((*y)[AT11] + f.x * a[AT11]) + f.y * b[AT11]) + f.z * c[AT11]) + f.w * d[AT11]; }
  if (SLICE_VECS > 12u) { (*y)[AT12] = ((((*y)[AT12] + f.x * a[AT12]) + f.y * b[AT12]) + f.z * c[AT12]) + f.w * d[AT12]; }
  if (SLICE_VECS > 13u) { (*y)[AT13] = ((((*y)[AT13] + f.x * a[AT13]) + f.y * b[AT13]) + f.z * c[AT13]) + f.w * d[AT13]; }
  if (SLICE_VECS > 14u) { (*y)[AT14] = ((((*y)[AT14] + f.x * a[AT14]) + f.y * b[AT14]) + f.z * c[AT14]) + f.w * d[AT14]; }
  if (SLICE_VECS > 15u) { (*y)[AT15] = ((((*y)[AT15] + f.x * a[AT15]) + f.y * b[AT15]) + f.z * c[AT15]) + f.w * d[AT15]; }
}

fn slice_scaled(x: Slice, factor: f32) -> Slice {
  var s: Slice;
  s[0] = factor * x[0];
  if (SLICE_VECS > 1u) { s[AT1] = factor * x[AT1]; }
  if (SLICE_VECS > 2u) { s[AT2] = factor * x[AT2]; }
  if (SLICE_VECS > 3u) { s[AT3] = factor * x[AT3]; }
  if (SLICE_VECS > 4u) { s[AT4] = factor * x[AT4]; }
  if (SLICE_VECS > 5u) { s[AT5] = factor * x[AT5]; }
  if (SLICE_VECS > 6u) { s[AT6] = factor * x[AT6]; }
  if (SLICE_VECS > 7u) { s[AT7] = factor * x[AT7]; }
  if (SLICE_VECS > 8u) { s[AT8] = factor * x[AT8]; }
  if (SLICE_VECS > 9u) { s[AT9] = factor * x[AT9]; }
  if (SLICE_VECS > 10u) { s[AT10] = factor * x[AT10]; }
  if (SLICE_VECS > 11u) { s[AT11] = factor * x[AT11]; }
  if (SLICE_VECS > 12u) { s[AT12] = factor * x[AT12]; }
  if (SLICE_VECS > 13u) { s[AT13] = factor * x[AT13]; }
  if (SLICE_VECS > 14u) { s[AT14] = factor * x[AT14]; }
  if (SLICE_VECS > 15u) { s[AT15] = factor * x[AT15]; }
  return s;
}
