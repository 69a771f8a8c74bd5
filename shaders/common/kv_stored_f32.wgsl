// What a cache of f32 holds of a unit.

fn kv_stored(x: Unit) -> Unit { return x; }
