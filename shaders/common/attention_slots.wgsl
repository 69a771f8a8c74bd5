// A slot's running softmax over keys that come in chunks of 4 (attention.wgsl, attention_pieces.wgsl). A quad owns the slots of
// common/query_block.wgsl, each lane a quarter of the head dimension. A chunk that is wholly masked for a slot multiplies by
// 1 and adds 0, so what a slot holds depends on its own keys only.

// Below any score, and its differences stay finite.
const LOWEST = -1e30f;

struct Slot {
  q: Slice,
  acc: Slice,
  top: f32,
  // This lane's keys only.
  total: f32,
}

fn load_q(head_base: u32, lane: u32) -> Slice {
  let base = head_base + lane;
  var s: Slice;
  s[0] = q[base];
  if (SLICE_VECS > 1u) { s[AT1] = q[base + 4u]; }
  if (SLICE_VECS > 2u) { s[AT2] = q[base + 8u]; }
  if (SLICE_VECS > 3u) { s[AT3] = q[base + 12u]; }
  if (SLICE_VECS > 4u) { s[AT4] = q[base + 16u]; }
  if (SLICE_VECS > 5u) { s[AT5] = q[base + 20u]; }
  if (SLICE_VECS > 6u) { s[AT6] = q[base + 24u]; }
  if (SLICE_VECS > 7u) { s[AT7] = q[base + 28u]; }
  if (SLICE_VECS > 8u) { s[AT8] = q[base + 32u]; }
  if (SLICE_VECS > 9u) { s[AT9] = q[base + 36u]; }
  if (SLICE_VECS > 10u) { s[AT10] = q[base + 40u]; }
  if (SLICE_VECS > 11u) { s[AT11] = q[base + 44u]; }
  if (SLICE_VECS > 12u) { s[AT12] = q[base + 48u]; }
  if (SLICE_VECS > 13u) { s[AT13] = q[base + 52u]; }
  if (SLICE_VECS > 14u) { s[AT14] = q[base + 56u]; }
  if (SLICE_VECS > 15u) { s[AT15] = q[base + 60u]; }
  return slice_inside(s, lane);
}

fn load_kv(head_base: u32, lane: u32) -> Slice {
  let base = head_base + lane;
  var s: Slice;
  s[0] = kv_at(base);
  if (SLICE_VECS > 1u) { s[AT1] = kv_at(base + 4u); }
  if (SLICE_VECS > 2u) { s[AT2] = kv_at(base + 8u); }
  if (SLICE_VECS > 3u) { s[AT3] = kv_at(base + 12u); }
  if (SLICE_VECS > 4u) { s[AT4] = kv_at(base + 16u); }
  if (SLICE_VECS > 5u) { s[AT5] = kv_at(base + 20u); }
  if (SLICE_VECS > 6u) { s[AT6] = kv_at(base + 24u); }
  if (SLICE_VECS > 7u) { s[AT7] = kv_at(base + 28u); }
  if (SLICE_VECS > 8u) { s[AT8] = kv_at(base + 32u); }
  if (SLICE_VECS > 9u) { s[AT9] = kv_at(base + 36u); }
  if (SLICE_VECS > 10u) { s[AT10] = kv_at(base + 40u); }
  if (SLICE_VECS > 11u) { s[AT11] = kv_at(base + 44u); }
  if (SLICE_VECS > 12u) { s[AT12] = kv_at(base + 48u); }
  if (SLICE_VECS > 13u) { s[AT13] = kv_at(base + 52u); }
  if (SLICE_VECS > 14u) { s[AT14] = kv_at(base + 56u); }
  if (SLICE_VECS > 15u) { s[AT15] = kv_at(base + 60u); }
  return slice_inside(s, lane);
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

/// Takes a chunk into the running softmax: `score` and whether the slot's row sees the key are this lane's key's.
fn attend(slot: ptr<function, Slot>, score: f32, seen: bool, v: Chunk, lane: u32) {
  let masked = select(LOWEST, score, seen);
  let top = max((*slot).top, quad_max(masked, lane));
  let shrink = exp2((*slot).top - top);
  let weight = select(0.0, exp2(masked - top), seen);
  (*slot).top = top;
  (*slot).total = (*slot).total * shrink + weight;
  (*slot).acc = slice_scaled((*slot).acc, shrink);
  slice_add4(&(*slot).acc, quad_turn(weight, lane), v.x0, v.x1, v.x2, v.x3);
}
