// out = softmax(scale * q kᵀ) v over two key ranges, and lse = log Σ exp(scale * q kᵀ); online softmax (Milakov and
// Gimelshein 2018; FlashAttention, Dao et al. 2022), nothing of size T x T.
//
// A quad owns a block of slots (common/query_block.wgsl), each lane a quarter of the head dimension. Loads bound it.
// Keys come in chunks of 4 counted from the start of each range; a chunk that is wholly masked for a slot multiplies by
// 1 and adds 0. So a row's bits depend on its own ranges only, not on its neighbours or the batch.
//
// With PIECE the keys of each range come in pieces of so many, whose softmaxes are there already (attention_pieces.wgsl),
// and what is left at the ranges' ends. How a row is cut depends on the lengths of its own ranges only. A
// row that has a piece is rounded otherwise than without PIECE, which is how training has it; one that has none is not.

/// Takes a piece into the running softmax.
fn fold(slot: ptr<function, Slot>, p: Place, piece: u32, lane: u32) {
  let base = ((piece * params.n + p.row) * HEADS + p.head) * PARTIAL_VECS;
  let sums = partials[base + HEAD_VECS];
  let top = max((*slot).top, sums.x);
  let shrink = exp2((*slot).top - top);
  let weight = exp2(sums.x - top);
  (*slot).top = top;
  (*slot).total = (*slot).total * shrink + weight * sums.y;
  (*slot).acc = slice_scaled((*slot).acc, shrink);
  slice_add(&(*slot).acc, weight, load_partials(base, lane));
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

  var rows = block_ranges(row0);
  if (PIECE > 0u) {
    // A quad has one row here. What is in its pieces is folded in first, in their order; the rest is walked below.
    let prefix = (rows.r0.y - rows.r0.x) / max(PIECE, 1u);
    let own = (rows.r0.w - rows.r0.z) / max(PIECE, 1u);
    for (var piece = 0u; piece < prefix + own; piece++) {
      fold(&s0, place(0u, row0, kv_head, block), piece, lane);
      if (SLOTS > 1u) { fold(&s1, place(1u, row0, kv_head, block), piece, lane); }
      if (SLOTS > 2u) { fold(&s2, place(2u, row0, kv_head, block), piece, lane); }
      if (SLOTS > 3u) { fold(&s3, place(3u, row0, kv_head, block), piece, lane); }
      if (SLOTS > 4u) { fold(&s4, place(4u, row0, kv_head, block), piece, lane); }
      if (SLOTS > 5u) { fold(&s5, place(5u, row0, kv_head, block), piece, lane); }
      if (SLOTS > 6u) { fold(&s6, place(6u, row0, kv_head, block), piece, lane); }
      if (SLOTS > 7u) { fold(&s7, place(7u, row0, kv_head, block), piece, lane); }
    }
    rows.r0 += vec4u(prefix, 0u, own, 0u) * PIECE;
  }
  let passes = pass_count(rows);
  for (var pass_index = 0u; pass_index < passes; pass_index++) {
    let span = pass_span(rows, pass_index);
    for (var first = span.first; first < span.last; first += 4u) {
      let rows = min(vec4u(first) + (vec4u(lane) ^ vec4u(0u, 1u, 2u, 3u)), vec4u(span.last - 1u)) * params.kv_stride;
      let key_row = first + lane;
      let keys = load_chunk(rows, k_base, lane);
      let p0 = score(s0, keys, lane);
      var p1 = 0.0; var p2 = 0.0; var p3 = 0.0; var p4 = 0.0; var p5 = 0.0; var p6 = 0.0; var p7 = 0.0;
      if (SLOTS > 1u) { p1 = score(s1, keys, lane); }
      if (SLOTS > 2u) { p2 = score(s2, keys, lane); }
      if (SLOTS > 3u) { p3 = score(s3, keys, lane); }
      if (SLOTS > 4u) { p4 = score(s4, keys, lane); }
      if (SLOTS > 5u) { p5 = score(s5, keys, lane); }
      if (SLOTS > 6u) { p6 = score(s6, keys, lane); }
      if (SLOTS > 7u) { p7 = score(s7, keys, lane); }
      let values = load_chunk(rows, v_base, lane);
      attend(&s0, p0, key_row < span.ends[0], values, lane);
      if (SLOTS > 1u) { attend(&s1, p1, key_row < span.ends[1u / TILE], values, lane); }
      if (SLOTS > 2u) { attend(&s2, p2, key_row < span.ends[2u / TILE], values, lane); }
      if (SLOTS > 3u) { attend(&s3, p3, key_row < span.ends[3u / TILE], values, lane); }
      if (SLOTS > 4u) { attend(&s4, p4, key_row < span.ends[min(4u / TILE, 3u)], values, lane); }
      if (SLOTS > 5u) { attend(&s5, p5, key_row < span.ends[min(5u / TILE, 3u)], values, lane); }
      if (SLOTS > 6u) { attend(&s6, p6, key_row < span.ends[min(6u / TILE, 3u)], values, lane); }
      if (SLOTS > 7u) { attend(&s7, p7, key_row < span.ends[min(7u / TILE, 3u)], values, lane); }
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
