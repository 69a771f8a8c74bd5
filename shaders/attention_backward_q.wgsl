// delta = Σ_d out * dout and dq of attention (FlashAttention, Dao et al. 2022, algorithm 4):
//   p = exp(scale * q·k - lse), ds = p * (dout·v - delta), dq = scale * Σ_keys ds * k.
//
// A quad owns a block of slots (common/query_block.wgsl) and visits its keys one by one in the order of the forward
// pass. Loads bound it.

const ROW_VECS = (HEADS + 2u * KV_HEADS) * HEAD_VECS;

struct Slot { q: Slice, dout: Slice, dq: Slice, lse: f32, delta: f32 }

fn start(p: Place, lane: u32) -> Slot {
  let at = p.row * HEADS + p.head;
  var slot: Slot;
  slot.q = slice_scaled(load_qkv(p.row * ROW_VECS + p.head * HEAD_VECS, lane), params.scale * LOG2_E);
  slot.dout = load_dout(at * HEAD_VECS, lane);
  slot.delta = quad_sum(slice_dot(slot.dout, load_out(at * HEAD_VECS, lane)), lane);
  slot.lse = lse[at] * LOG2_E;
  return slot;
}

fn attend(slot: ptr<function, Slot>, key: Slice, value: Slice, seen: bool, lane: u32) {
  let score = quad_sum(slice_dot((*slot).q, key), lane);
  let dweight = quad_sum(slice_dot((*slot).dout, value), lane);
  let weight = exp2(select(-1000.0, score - (*slot).lse, seen));
  slice_add(&(*slot).dq, weight * (dweight - (*slot).delta), key);
}

fn finish(slot: Slot, p: Place, lane: u32) {
  if (!p.inside) { return; }
  store_dqkv(p.row * ROW_VECS + p.head * HEAD_VECS, lane, slice_scaled(slot.dq, params.scale));
  if (lane == 0u) { delta[p.row * HEADS + p.head] = slot.delta; }
}

@compute @workgroup_size(4 * QUADS)
fn attention_backward_q(
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
  let v_base = k_base + KV_HEADS * HEAD_VECS;

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
    for (var key_row = span.first; key_row < span.last; key_row++) {
      let key = load_kv(key_row * params.kv_stride + k_base, lane);
      let value = load_kv(key_row * params.kv_stride + v_base, lane);
      attend(&s0, key, value, key_row < span.ends[0], lane);
      if (SLOTS > 1u) { attend(&s1, key, value, key_row < span.ends[1u / TILE], lane); }
      if (SLOTS > 2u) { attend(&s2, key, value, key_row < span.ends[2u / TILE], lane); }
      if (SLOTS > 3u) { attend(&s3, key, value, key_row < span.ends[3u / TILE], lane); }
      if (SLOTS > 4u) { attend(&s4, key, value, key_row < span.ends[min(4u / TILE, 3u)], lane); }
      if (SLOTS > 5u) { attend(&s5, key, value, key_row < span.ends[min(5u / TILE, 3u)], lane); }
      if (SLOTS > 6u) { attend(&s6, key, value, key_row < span.ends[min(6u / TILE, 3u)], lane); }
      if (SLOTS > 7u) { attend(&s7, key, value, key_row < span.ends[min(7u / TILE, 3u)], lane); }
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
