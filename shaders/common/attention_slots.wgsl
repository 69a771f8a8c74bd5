// A slot's running softmax over keys that come in chunks of 4 (attention.wgsl, attention_pieces.wgsl). A quad owns the slots of
// common/query_block.wgsl, each lane a quarter of the head dimension. A chunk that is wholly masked for a slot multiplies by
// 1 and adds 0, so what a slot holds depends on its own keys only.

// Below any score, and its differences stay finite.
const LOWEST = -1e30f;

/// In place of `max`, on which SwiftShader spends thirty instructions: those that see to NaN.
fn larger(a: f32, b: f32) -> f32 { return select(a, b, a < b); }

struct Slot {
  q: Slice,
  acc: Slice,
  top: f32,
  total: f32,
}

/// Four rows of keys or of values: a lane holds its quarter of the head of all four, in its own order: x0 is row `lane`
/// of the chunk, x1 row `lane ^ 1`, and so on.
struct Chunk { x0: Slice, x1: Slice, x2: Slice, x3: Slice }

fn load_chunk(bases: vec4u, offset: u32, lane: u32) -> Chunk {
  return Chunk(
    load_kv(bases.x + offset, lane),
    load_kv(bases.y + offset, lane),
    load_kv(bases.z + offset, lane),
    load_kv(bases.w + offset, lane),
  );
}

fn start(p: Place, lane: u32) -> Slot {
  var slot: Slot;
  slot.q = slice_scaled(load_q(p.row * params.q_stride + p.head * HEAD_VECS, lane), params.scale * LOG2_E);
  slot.top = LOWEST;
  return slot;
}

/// This lane's score of its key of the chunk.
fn score(slot: Slot, k: Chunk, lane: u32) -> f32 {
  let parts = vec4f(slice_dot(slot.q, k.x0), slice_dot(slot.q, k.x1), slice_dot(slot.q, k.x2), slice_dot(slot.q, k.x3));
  return quad_turned_sum(parts, lane);
}

/// What a chunk multiplies a slot's sums by, and its four values: component i that of key `lane ^ i`.
struct Weights { shrink: f32, keys: vec4f }

/// Takes a chunk's scores into the running softmax: `score` and whether the slot's row sees the key are this lane's key's.
fn weigh(slot: ptr<function, Slot>, score: f32, seen: bool, lane: u32) -> Weights {
  let masked = select(LOWEST, score, seen);
  let top = larger((*slot).top, quad_max(masked, lane));
  let shrink = exp2((*slot).top - top);
  let weights = quad_turn(select(0.0, exp2(masked - top), seen), lane);
  (*slot).top = top;
  (*slot).total = (*slot).total * shrink + ((weights.x + weights.y) + (weights.z + weights.w));
  return Weights(shrink, weights);
}

/// Takes the chunk's values in.
fn take(slot: ptr<function, Slot>, w: Weights, v: Chunk) {
  (*slot).acc = slice_scaled((*slot).acc, w.shrink);
  slice_add4(&(*slot).acc, w.keys, v.x0, v.x1, v.x2, v.x3);
}

/// Both, for what has the values at hand.
fn attend(slot: ptr<function, Slot>, score: f32, seen: bool, v: Chunk, lane: u32) {
  let weights = weigh(slot, score, seen, lane);
  take(slot, weights, v);
}
