// out = softmax(scale * q kᵀ) v over two key ranges, and lse = log Σ exp(scale * q kᵀ); online softmax (Milakov and
// Gimelshein 2018; FlashAttention, Dao et al. 2022), nothing of size T x T.
//
// A quad owns a block of slots (common/query_block.wgsl), each lane a quarter of the head dimension. Loads bound it.
// Keys come in chunks of 4 counted from the start of each range; a chunk that is wholly masked for a slot multiplies by
// 1 and adds 0. So a row's bits depend on its own ranges only, not on its neighbours or the batch: rollout and training
// agree.

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
  s[0] = kv[base];
  if (SLICE_VECS > 1u) { s[AT1] = kv[base + 4u]; }
  if (SLICE_VECS > 2u) { s[AT2] = kv[base + 8u]; }
  if (SLICE_VECS > 3u) { s[AT3] = kv[base + 12u]; }
  if (SLICE_VECS > 4u) { s[AT4] = kv[base + 16u]; }
  if (SLICE_VECS > 5u) { s[AT5] = kv[base + 20u]; }
  if (SLICE_VECS > 6u) { s[AT6] = kv[base + 24u]; }
  if (SLICE_VECS > 7u) { s[AT7] = kv[base + 28u]; }
  if (SLICE_VECS > 8u) { s[AT8] = kv[base + 32u]; }
  if (SLICE_VECS > 9u) { s[AT9] = kv[base + 36u]; }
  if (SLICE_VECS > 10u) { s[AT10] = kv[base + 40u]; }
  if (SLICE_VECS > 11u) { s[AT11] = kv[base + 44u]; }
  if (SLICE_VECS > 12u) { s[AT12] = kv[base + 48u]; }
  if (SLICE_VECS > 13u) { s[AT13] = kv[base + 52u]; }
  if (SLICE_VECS > 14u) { s[AT14] = kv[base + 56u]; }
  if (SLICE_VECS > 15u) { s[AT15] = kv[base + 60u]; }
  return slice_inside(s, lane);
}

fn store_out(head_base: u32, lane: u32, s: Slice) {
  let base = head_base + lane;
  let end = head_base + HEAD_VECS;
  if (base < end) { out[base] = s[0]; }
  if (SLICE_VECS > 1u) { if (base + 4u < end) { out[base + 4u] = s[AT1]; } }
  if (SLICE_VECS > 2u) { if (base + 8u < end) { out[base + 8u] = s[AT2]; } }
  if (SLICE_VECS > 3u) { if (base + 12u < end) { out[base + 12u] = s[AT3]; } }
  if (SLICE_VECS > 4u) { if (base + 16u < end) { out[base + 16u] = s[AT4]; } }
  if (SLICE_VECS > 5u) { if (base + 20u < end) { out[base + 20u] = s[AT5]; } }
  if (SLICE_VECS > 6u) { if (base + 24u < end) { out[base + 24u] = s[AT6]; } }
  if (SLICE_VECS > 7u) { if (base + 28u < end) { out[base + 28u] = s[AT7]; } }
  if (SLICE_VECS > 8u) { if (base + 32u < end) { out[base + 32u] = s[AT8]; } }
  if (SLICE_VECS > 9u) { if (base + 36u < end) { out[base + 36u] = s[AT9]; } }
  if (SLICE_VECS > 10u) { if (base + 40u < end) { out[base + 40u] = s[AT10]; } }
  if (SLICE_VECS > 11u) { if (base + 44u < end) { out[base + 44u] = s[AT11]; } }
  if (SLICE_VECS > 12u) { if (base + 48u < end) { out[base + 48u] = s[AT12]; } }
  if (SLICE_VECS > 13u) { if (base + 52u < end) { out[base + 52u] = s[AT13]; } }
  if (SLICE_VECS > 14u) { if (base + 56u < end) { out[base + 56u] = s[AT14]; } }
  if (SLICE_VECS > 15u) { if (base + 60u < end) { out[base + 60u] = s[AT15]; } }
}

fn start(p: Place, lane: u32) -> Slot {
  var slot: Slot;
  slot.q = slice_scaled(load_q(p.row * params.q_stride + p.head * HEAD_VECS, lane), params.scale * LOG2_E);
  slot.top = LOWEST;
  return slot;
}

/// Takes lane `lane`'s score of a chunk into the running softmax and returns its weight.
fn weigh(slot: ptr<function, Slot>, score: f32, seen: bool, lane: u32) -> f32 {
  let masked = select(LOWEST, score, seen);
  let top = max((*slot).top, quad_max(masked, lane));
  let shrink = exp2((*slot).top - top);
  let weight = select(0.0, exp2(masked - top), seen);
  (*slot).top = top;
  (*slot).total = (*slot).total * shrink + weight;
  (*slot).acc = slice_scaled((*slot).acc, shrink);
  return weight;
}

fn attend(slot: ptr<function, Slot>, weight: f32, mine: bool, lane: u32, value: Slice) {
  slice_add(&(*slot).acc, quad_sum(select(0.0, weight, mine), lane), value);
}

fn finish(slot: Slot, p: Place, lane: u32) {
  let total = quad_sum(slot.total, lane);
  if (!p.inside) { return; }
  store_out((p.row * HEADS + p.head) * HEAD_VECS, lane, slice_scaled(slot.acc, 1.0 / total));
  if (lane == 0u) { lse[p.row * HEADS + p.head] = (slot.top + log2(total)) / LOG2_E; }
}

@compute @workgroup_size(4 * QUADS)
fn attention(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % 4u;
  let item = quad_item(workgroup.x + workgroup.y * workgroups.x, local, QUADS);
  let row0 = item / (KV_HEADS * BLOCKS) * ROWS;
  if (row0 >= params.n) { return; }
  let kv_head = item / BLOCKS % KV_HEADS;
  let block = item % BLOCKS;
  let k_base = params.k_offset + kv_head * HEAD_VECS;
  let v_base = params.v_offset + kv_head * HEAD_VECS;

  var s0: Slot; var s1: Slot; var s2: Slot; var s3: Slot;
  var s4: Slot; var s5: Slot; var s6: Slot; var s7: Slot;
  s0 = start(place(0u, row0, kv_head, block), lane);
  if (SLOTS > 1u) { s1 = start(place(1u, row0, kv_head, block), lane); }
  if (SLOTS > 2u) { s2 = start(place(2u, row0, kv_head, block), lane); }
  if (SLOTS > 3u) { s3 = start(place(3u, row0, kv_head, block), lane); }
  if (SLOTS > 4u) { s4 = start(place(4u, row0, kv_head, block), lane); }
  if (SLOTS > 5u) { s5 = start(place(5u, row0, kv_head, block), lane); }
  if (SLOTS > 6u) { s6 = start(place(6u, row0, kv_head, block), lane); }
  if (SLOTS > 7u) { s7 = start(place(7u, row0, kv_head, block), lane); }

  let rows = block_ranges(row0);
  let passes = pass_count(rows);
  for (var pass_index = 0u; pass_index < passes; pass_index++) {
    let span = pass_span(rows, pass_index);
    for (var first = span.first; first < span.last; first += 4u) {
      let key_limit = span.last - 1u;
      var p0 = 0.0; var p1 = 0.0; var p2 = 0.0; var p3 = 0.0;
      var p4 = 0.0; var p5 = 0.0; var p6 = 0.0; var p7 = 0.0;
      for (var c = 0u; c < 4u; c++) {
        let key = load_kv(k_base + min(first + c, key_limit) * params.kv_stride, lane);
        let mine = lane == c;
        p0 = select(p0, quad_sum(slice_dot(s0.q, key), lane), mine);
        if (SLOTS > 1u) { p1 = select(p1, quad_sum(slice_dot(s1.q, key), lane), mine); }
        if (SLOTS > 2u) { p2 = select(p2, quad_sum(slice_dot(s2.q, key), lane), mine); }
        if (SLOTS > 3u) { p3 = select(p3, quad_sum(slice_dot(s3.q, key), lane), mine); }
        if (SLOTS > 4u) { p4 = select(p4, quad_sum(slice_dot(s4.q, key), lane), mine); }
        if (SLOTS > 5u) { p5 = select(p5, quad_sum(slice_dot(s5.q, key), lane), mine); }
        if (SLOTS > 6u) { p6 = select(p6, quad_sum(slice_dot(s6.q, key), lane), mine); }
        if (SLOTS > 7u) { p7 = select(p7, quad_sum(slice_dot(s7.q, key), lane), mine); }
      }
      let key_row = first + lane;
      p0 = weigh(&s0, p0, key_row < span.ends[0], lane);
      if (SLOTS > 1u) { p1 = weigh(&s1, p1, key_row < span.ends[1u / TILE], lane); }
      if (SLOTS > 2u) { p2 = weigh(&s2, p2, key_row < span.ends[2u / TILE], lane); }
      if (SLOTS > 3u) { p3 = weigh(&s3, p3, key_row < span.ends[3u / TILE], lane); }
      if (SLOTS > 4u) { p4 = weigh(&s4, p4, key_row < span.ends[min(4u / TILE, 3u)], lane); }
      if (SLOTS > 5u) { p5 = weigh(&s5, p5, key_row < span.ends[min(5u / TILE, 3u)], lane); }
      if (SLOTS > 6u) { p6 = weigh(&s6, p6, key_row < span.ends[min(6u / TILE, 3u)], lane); }
      if (SLOTS > 7u) { p7 = weigh(&s7, p7, key_row < span.ends[min(7u / TILE, 3u)], lane); }
      for (var c = 0u; c < 4u; c++) {
        let value = load_kv(v_base + min(first + c, key_limit) * params.kv_stride, lane);
        let mine = lane == c;
        attend(&s0, p0, mine, lane, value);
        if (SLOTS > 1u) { attend(&s1, p1, mine, lane, value); }
        if (SLOTS > 2u) { attend(&s2, p2, mine, lane, value); }
        if (SLOTS > 3u) { attend(&s3, p3, mine, lane, value); }
        if (SLOTS > 4u) { attend(&s4, p4, mine, lane, value); }
        if (SLOTS > 5u) { attend(&s5, p5, mine, lane, value); }
        if (SLOTS > 6u) { attend(&s6, p6, mine, lane, value); }
        if (SLOTS > 7u) { attend(&s7, p7, mine, lane, value); }
      }
    }
  }

  finish(s0, place(0u, row0, kv_head, block), lane);
  if (SLOTS > 1u) { finish(s1, place(1u, row0, kv_head, block), lane); }
  if (SLOTS > 2u) { finish(s2, place(2u, row0, kv_head, block), lane); }
  if (SLOTS > 3u) { finish(s3, place(3u, row0, kv_head, block), lane); }
  if (SLOTS > 4u) { finish(s4, place(4u, row0, kv_head, block), lane); }
  if (SLOTS > 5u) { finish(s5, place(5u, row0, kv_head, block), lane); }
  if (SLOTS > 6u) { finish(s6, place(6u, row0, kv_head, block), lane); }
  if (SLOTS > 7u) { finish(s7, place(7u, row0, kv_head, block), lane); }
}
