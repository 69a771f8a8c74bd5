// A lane's share of one head's HEAD_DIM numbers (a multiple of 4, at most 256): the vec4s lane, lane + 4, lane + 8, …
// Only the first SLICE_VECS elements are used. All indices are constants, under conditions on constants: a local array
// indexed by a loop variable lives in memory on some adapters.
// Where HEAD_DIM is no multiple of 16, the last vec4 of some lanes lies beyond the head and is zero.

const HEAD_VECS = HEAD_DIM / 4u;
const SLICE_VECS = (HEAD_VECS + 3u) / 4u;

alias Slice = array<vec4f, 16>;

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
  if (SLICE_VECS > 1u) { s += x[1] * y[1]; }
  if (SLICE_VECS > 2u) { s += x[2] * y[2]; }
  if (SLICE_VECS > 3u) { s += x[3] * y[3]; }
  if (SLICE_VECS > 4u) { s += x[4] * y[4]; }
  if (SLICE_VECS > 5u) { s += x[5] * y[5]; }
  if (SLICE_VECS > 6u) { s += x[6] * y[6]; }
  if (SLICE_VECS > 7u) { s += x[7] * y[7]; }
  if (SLICE_VECS > 8u) { s += x[8] * y[8]; }
  if (SLICE_VECS > 9u) { s += x[9] * y[9]; }
  if (SLICE_VECS > 10u) { s += x[10] * y[10]; }
  if (SLICE_VECS > 11u) { s += x[11] * y[11]; }
  if (SLICE_VECS > 12u) { s += x[12] * y[12]; }
  if (SLICE_VECS > 13u) { s += x[13] * y[13]; }
  if (SLICE_VECS > 14u) { s += x[14] * y[14]; }
  if (SLICE_VECS > 15u) { s += x[15] * y[15]; }
  return (s.x + s.y) + (s.z + s.w);
}

/// y += factor * x
fn slice_add(y: ptr<function, Slice>, factor: f32, x: Slice) {
  (*y)[0] += factor * x[0];
  if (SLICE_VECS > 1u) { (*y)[1] += factor * x[1]; }
  if (SLICE_VECS > 2u) { (*y)[2] += factor * x[2]; }
  if (SLICE_VECS > 3u) { (*y)[3] += factor * x[3]; }
  if (SLICE_VECS > 4u) { (*y)[4] += factor * x[4]; }
  if (SLICE_VECS > 5u) { (*y)[5] += factor * x[5]; }
  if (SLICE_VECS > 6u) { (*y)[6] += factor * x[6]; }
  if (SLICE_VECS > 7u) { (*y)[7] += factor * x[7]; }
  if (SLICE_VECS > 8u) { (*y)[8] += factor * x[8]; }
  if (SLICE_VECS > 9u) { (*y)[9] += factor * x[9]; }
  if (SLICE_VECS > 10u) { (*y)[10] += factor * x[10]; }
  if (SLICE_VECS > 11u) { (*y)[11] += factor * x[11]; }
  if (SLICE_VECS > 12u) { (*y)[12] += factor * x[12]; }
  if (SLICE_VECS > 13u) { (*y)[13] += factor * x[13]; }
  if (SLICE_VECS > 14u) { (*y)[14] += factor * x[14]; }
  if (SLICE_VECS > 15u) { (*y)[15] += factor * x[15]; }
}

fn slice_scaled(x: Slice, factor: f32) -> Slice {
  var s: Slice;
  s[0] = factor * x[0];
  if (SLICE_VECS > 1u) { s[1] = factor * x[1]; }
  if (SLICE_VECS > 2u) { s[2] = factor * x[2]; }
  if (SLICE_VECS > 3u) { s[3] = factor * x[3]; }
  if (SLICE_VECS > 4u) { s[4] = factor * x[4]; }
  if (SLICE_VECS > 5u) { s[5] = factor * x[5]; }
  if (SLICE_VECS > 6u) { s[6] = factor * x[6]; }
  if (SLICE_VECS > 7u) { s[7] = factor * x[7]; }
  if (SLICE_VECS > 8u) { s[8] = factor * x[8]; }
  if (SLICE_VECS > 9u) { s[9] = factor * x[9]; }
  if (SLICE_VECS > 10u) { s[10] = factor * x[10]; }
  if (SLICE_VECS > 11u) { s[11] = factor * x[11]; }
  if (SLICE_VECS > 12u) { s[12] = factor * x[12]; }
  if (SLICE_VECS > 13u) { s[13] = factor * x[13]; }
  if (SLICE_VECS > 14u) { s[14] = factor * x[14]; }
  if (SLICE_VECS > 15u) { s[15] = factor * x[15]; }
  return s;
}
