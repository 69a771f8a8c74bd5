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

/// sum + a * b, a component at a time: a processor has few registers, and this way it needs one for a product.
fn plus(sum: vec4f, a: vec4f, b: vec4f) -> vec4f {
  return vec4f(sum.x + a.x * b.x, sum.y + a.y * b.y, sum.z + a.z * b.z, sum.w + a.w * b.w);
}

/// The same of four products, each component of `f` with one vector.
fn plus4(sum: vec4f, f: vec4f, a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> vec4f {
  return vec4f(
    (((sum.x + a.x * f.x) + b.x * f.y) + c.x * f.z) + d.x * f.w,
    (((sum.y + a.y * f.x) + b.y * f.y) + c.y * f.z) + d.y * f.w,
    (((sum.z + a.z * f.x) + b.z * f.y) + c.z * f.z) + d.z * f.w,
    (((sum.w + a.w * f.x) + b.w * f.y) + c.w * f.z) + d.w * f.w);
}

/// This lane's part of x · y.
fn slice_dot(x: Slice, y: Slice) -> f32 {
  var s = y[0] * x[0];
  if (SLICE_VECS > 1u) { s = plus(s, y[AT1], x[AT1]); }
  if (SLICE_VECS > 2u) { s = plus(s, y[AT2], x[AT2]); }
  if (SLICE_VECS > 3u) { s = plus(s, y[AT3], x[AT3]); }
  if (SLICE_VECS > 4u) { s = plus(s, y[AT4], x[AT4]); }
  if (SLICE_VECS > 5u) { s = plus(s, y[AT5], x[AT5]); }
  if (SLICE_VECS > 6u) { s = plus(s, y[AT6], x[AT6]); }
  if (SLICE_VECS > 7u) { s = plus(s, y[AT7], x[AT7]); }
  if (SLICE_VECS > 8u) { s = plus(s, y[AT8], x[AT8]); }
  if (SLICE_VECS > 9u) { s = plus(s, y[AT9], x[AT9]); }
  if (SLICE_VECS > 10u) { s = plus(s, y[AT10], x[AT10]); }
  if (SLICE_VECS > 11u) { s = plus(s, y[AT11], x[AT11]); }
  if (SLICE_VECS > 12u) { s = plus(s, y[AT12], x[AT12]); }
  if (SLICE_VECS > 13u) { s = plus(s, y[AT13], x[AT13]); }
  if (SLICE_VECS > 14u) { s = plus(s, y[AT14], x[AT14]); }
  if (SLICE_VECS > 15u) { s = plus(s, y[AT15], x[AT15]); }
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
  (*y)[0] = plus4((*y)[0], f, a[0], b[0], c[0], d[0]);
  if (SLICE_VECS > 1u) { (*y)[AT1] = plus4((*y)[AT1], f, a[AT1], b[AT1], c[AT1], d[AT1]); }
  if (SLICE_VECS > 2u) { (*y)[AT2] = plus4((*y)[AT2], f, a[AT2], b[AT2], c[AT2], d[AT2]); }
  if (SLICE_VECS > 3u) { (*y)[AT3] = plus4((*y)[AT3], f, a[AT3], b[AT3], c[AT3], d[AT3]); }
  if (SLICE_VECS > 4u) { (*y)[AT4] = plus4((*y)[AT4], f, a[AT4], b[AT4], c[AT4], d[AT4]); }
  if (SLICE_VECS > 5u) { (*y)[AT5] = plus4((*y)[AT5], f, a[AT5], b[AT5], c[AT5], d[AT5]); }
  if (SLICE_VECS > 6u) { (*y)[AT6] = plus4((*y)[AT6], f, a[AT6], b[AT6], c[AT6], d[AT6]); }
  if (SLICE_VECS > 7u) { (*y)[AT7] = plus4((*y)[AT7], f, a[AT7], b[AT7], c[AT7], d[AT7]); }
  if (SLICE_VECS > 8u) { (*y)[AT8] = plus4((*y)[AT8], f, a[AT8], b[AT8], c[AT8], d[AT8]); }
  if (SLICE_VECS > 9u) { (*y)[AT9] = plus4((*y)[AT9], f, a[AT9], b[AT9], c[AT9], d[AT9]); }
  if (SLICE_VECS > 10u) { (*y)[AT10] = plus4((*y)[AT10], f, a[AT10], b[AT10], c[AT10], d[AT10]); }
  if (SLICE_VECS > 11u) { (*y)[AT11] = plus4((*y)[AT11], f, a[AT11], b[AT11], c[AT11], d[AT11]); }
  if (SLICE_VECS > 12u) { (*y)[AT12] = plus4((*y)[AT12], f, a[AT12], b[AT12], c[AT12], d[AT12]); }
  if (SLICE_VECS > 13u) { (*y)[AT13] = plus4((*y)[AT13], f, a[AT13], b[AT13], c[AT13], d[AT13]); }
  if (SLICE_VECS > 14u) { (*y)[AT14] = plus4((*y)[AT14], f, a[AT14], b[AT14], c[AT14], d[AT14]); }
  if (SLICE_VECS > 15u) { (*y)[AT15] = plus4((*y)[AT15], f, a[AT15], b[AT15], c[AT15], d[AT15]); }
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
