// The end of a slot's softmax over all of its keys (attention.wgsl, attention_apart.wgsl).

fn finish(slot: Slot, p: Place, lane: u32) {
  if (!p.inside) { return; }
  store_out((p.row * HEADS + p.head) * HEAD_VECS, lane, slice_scaled(slot.acc, 1.0 / slot.total));
  if (lane == 0u) { lse[p.row * HEADS + p.head] = (slot.top + log2(slot.total)) / LOG2_E; }
}
