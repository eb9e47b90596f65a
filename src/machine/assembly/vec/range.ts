/** Tests whether native arithmetic is certainly x86's: ordinary operands, results away from overflow and underflow. */
@unmanaged
export class Range {
  /** A normal number or zero. */
  @inline static in64(x: f64): bool {
    const twice = reinterpret<u64>(x) << 1;
    return twice - 0x0020000000000000 < 0xffc0000000000000 || twice == 0;
  }
  @inline static in32(x: f32): bool {
    const twice = reinterpret<u32>(x) << 1;
    return twice - 0x01000000 < 0xfe000000 || twice == 0;
  }
  /** Neither infinite nor NaN. */
  @inline static finite64(x: f64): bool {
    return reinterpret<u64>(x) << 1 < 0xffe0000000000000;
  }
  @inline static finite32(x: f32): bool {
    return reinterpret<u32>(x) << 1 < 0xff000000;
  }
  /** Normal and larger than the smallest normal number, so that it was not tiny before rounding. */
  @inline static out64(x: f64): bool {
    return (reinterpret<u64>(x) << 1) - 0x0040000000000000 < 0xffa0000000000000;
  }
  @inline static out32(x: f32): bool {
    return (reinterpret<u32>(x) << 1) - 0x02000000 < 0xfd000000;
  }
  /** Normal, zero or infinite: comparisons need no flags. */
  @inline static ordinary64(x: f64): bool {
    const twice = reinterpret<u64>(x) << 1;
    return twice - 0x0020000000000000 <= 0xffc0000000000000 || twice == 0;
  }
  @inline static ordinary32(x: f32): bool {
    const twice = reinterpret<u32>(x) << 1;
    return twice - 0x01000000 <= 0xfe000000 || twice == 0;
  }
  /** All lanes normal or zero. */
  @inline static in64x2(x: v128): bool {
    const size = f64x2.abs(x);
    const normal = v128.and(f64x2.ge(size, f64x2.splat(2.2250738585072014e-308)), f64x2.le(size, f64x2.splat(1.7976931348623157e308)));
    return i64x2.all_true(v128.or(normal, f64x2.eq(x, f64x2.splat(0))));
  }
  @inline static in32x4(x: v128): bool {
    const size = f32x4.abs(x);
    const normal = v128.and(f32x4.ge(size, f32x4.splat(1.17549435e-38)), f32x4.le(size, f32x4.splat(3.4028234663852886e38)));
    return i32x4.all_true(v128.or(normal, f32x4.eq(x, f32x4.splat(0))));
  }
  @inline static finite64x2(x: v128): bool {
    return i64x2.all_true(f64x2.le(f64x2.abs(x), f64x2.splat(1.7976931348623157e308)));
  }
  @inline static finite32x4(x: v128): bool {
    return i32x4.all_true(f32x4.le(f32x4.abs(x), f32x4.splat(3.4028234663852886e38)));
  }
  @inline static out64x2(x: v128): bool {
    const size = f64x2.abs(x);
    return i64x2.all_true(v128.and(f64x2.gt(size, f64x2.splat(2.2250738585072014e-308)), f64x2.le(size, f64x2.splat(1.7976931348623157e308))));
  }
  @inline static out32x4(x: v128): bool {
    const size = f32x4.abs(x);
    return i32x4.all_true(v128.and(f32x4.gt(size, f32x4.splat(1.17549435e-38)), f32x4.le(size, f32x4.splat(3.4028234663852886e38))));
  }
}
