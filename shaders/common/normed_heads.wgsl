// Heads of qkv that have a norm: the first `normed` of a row's heads, `q_heads` of q and the rest of k.

fn head_base(head: u32) -> u32 {
  return head / params.normed * params.row_units + head % params.normed * params.head_units;
}

fn head_weights(head: u32) -> u32 {
  return select(params.head_units, 0u, head % params.normed < params.q_heads);
}
