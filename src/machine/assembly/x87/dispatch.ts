/** Placeholder until the family's helpers are there. */
export function dispatchX87(ctx: usize, number: u32, d: u32, a: u32, b: u32, c: u32, extra: i64): void {}
