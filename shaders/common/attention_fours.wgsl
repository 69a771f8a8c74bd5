// Four slots of a quad at once, for chunks of keys that all four attend: what attention_slots.wgsl does to each, with the same bits.
// There a lane has one key's score, and all four lanes the same maximum; here a lane has one slot's scores of the four keys, so that one
// comparison and one exponential serve four slots. Needs its modules.
//
// Slices go round: q_i and acc_i of a lane are its quarter of slot `lane ^ i` of the four, as row i of a chunk is that of key `lane ^ i`.

struct Four {
  q0: Slice, q1: Slice, q2: Slice, q3: Slice,
  acc0: Slice, acc1: Slice, acc2: Slice, acc3: Slice,
  // This lane's slot's.
  top: f32,
  total: f32,
}

/// This lane's slot's scores: component i is that of key `lane ^ i`.
fn scores(f: Four, k: Chunk, lane: u32) -> vec4f {
  return vec4f(
    quad_turned_sum(vec4f(slice_dot(f.q0, k.x0), slice_dot(f.q1, k.x1), slice_dot(f.q2, k.x2), slice_dot(f.q3, k.x3)), lane),
    quad_turned_sum(vec4f(slice_dot(f.q0, k.x1), slice_dot(f.q1, k.x0), slice_dot(f.q2, k.x3), slice_dot(f.q3, k.x2)), lane),
    quad_turned_sum(vec4f(slice_dot(f.q0, k.x2), slice_dot(f.q1, k.x3), slice_dot(f.q2, k.x0), slice_dot(f.q3, k.x1)), lane),
    quad_turned_sum(vec4f(slice_dot(f.q0, k.x3), slice_dot(f.q1, k.x2), slice_dot(f.q2, k.x1), slice_dot(f.q3, k.x0)), lane));
}

/// Of each of the four slots in turn.
struct FourWeights { w0: Weights, w1: Weights, w2: Weights, w3: Weights }

/// Takes a chunk's scores into the four running softmaxes. `seen`: whether key `lane ^ i` is there.
fn weigh_four(f: ptr<function, Four>, scores: vec4f, seen: vec4<bool>, lane: u32) -> FourWeights {
  let masked = select(vec4f(LOWEST), scores, seen);
  let top = larger((*f).top, larger(larger(masked.x, masked.y), larger(masked.z, masked.w)));
  let shrink = quad_turn(exp2((*f).top - top), lane);
  let w = select(vec4f(), exp2(masked - top), seen);
  (*f).top = top;
  (*f).total = (*f).total * shrink.x + ((w.x + w.y) + (w.z + w.w));
  let a = quad_turn(w.x, lane);
  let b = quad_turn(w.y, lane);
  let c = quad_turn(w.z, lane);
  let d = quad_turn(w.w, lane);
  return FourWeights(
    Weights(shrink.x, vec4f(a.x, b.x, c.x, d.x)),
    Weights(shrink.y, vec4f(b.y, a.y, d.y, c.y)),
    Weights(shrink.z, vec4f(c.z, d.z, a.z, b.z)),
    Weights(shrink.w, vec4f(d.w, c.w, b.w, a.w)));
}

/// Takes the chunk's values in.
fn take_four(f: ptr<function, Four>, w: FourWeights, v: Chunk) {
  (*f).acc0 = slice_scaled((*f).acc0, w.w0.shrink);
  slice_add4(&(*f).acc0, w.w0.keys, v.x0, v.x1, v.x2, v.x3);
  (*f).acc1 = slice_scaled((*f).acc1, w.w1.shrink);
  slice_add4(&(*f).acc1, w.w1.keys, v.x0, v.x1, v.x2, v.x3);
  (*f).acc2 = slice_scaled((*f).acc2, w.w2.shrink);
  slice_add4(&(*f).acc2, w.w2.keys, v.x0, v.x1, v.x2, v.x3);
  (*f).acc3 = slice_scaled((*f).acc3, w.w3.shrink);
  slice_add4(&(*f).acc3, w.w3.keys, v.x0, v.x1, v.x2, v.x3);
}

/// The slots from `slot` on.
fn start_four(slot: u32, row0: u32, kv_head: u32, block: u32, lane: u32) -> Four {
  var f: Four;
  f.q0 = start(place(slot + lane, row0, kv_head, block), lane).q;
  f.q1 = start(place(slot + (lane ^ 1u), row0, kv_head, block), lane).q;
  f.q2 = start(place(slot + (lane ^ 2u), row0, kv_head, block), lane).q;
  f.q3 = start(place(slot + (lane ^ 3u), row0, kv_head, block), lane).q;
  f.top = LOWEST;
  return f;
}

/// The same slots by themselves: element i of a lane is slot `lane ^ i`.
fn slots_of(f: Four, lane: u32) -> array<Slot, 4> {
  let top = quad_turn(f.top, lane);
  let total = quad_turn(f.total, lane);
  return array<Slot, 4>(
    Slot(f.q0, f.acc0, top.x, total.x),
    Slot(f.q1, f.acc1, top.y, total.y),
    Slot(f.q2, f.acc2, top.z, total.z),
    Slot(f.q3, f.acc3, top.w, total.w));
}
