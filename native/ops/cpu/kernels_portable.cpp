// For every processor: vectors of 16 bytes, which compilers map to SSE2 or NEON.
#include <cmath>
#include <cstring>

#include "ops/cpu/kernel_templates.h"

namespace amalgam::ops::cpu {

namespace {

/// a * b + c in one rounding where the processor can (arm64), else in two: an emulated fused product is a hundred times
/// slower.
template <typename Number>
Number fused(Number a, Number b, Number c) {
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
  return std::fma(a, b, c);
#else
  return a * b + c;
#endif
}

typedef float FourFloats __attribute__((vector_size(16)));
typedef double TwoDoubles __attribute__((vector_size(16)));

template <typename Scalar, typename Pack>
struct Portable {
  using Number = Scalar;
  using Vector = Pack;
  static constexpr int width = 16 / sizeof(Scalar);
  static constexpr int tile_rows = 4;
  static constexpr int tile_vectors = 2;
  static Vector zero() { return Vector{}; }
  static Vector load(const Scalar* p) {
    Vector v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  static void store(Scalar* p, Vector v) { std::memcpy(p, &v, sizeof v); }
  static Vector broadcast(Scalar x) {
    Vector v;
    for (int i = 0; i < width; ++i) v[i] = x;
    return v;
  }
  static Vector multiply_add(Vector a, Vector b, Vector c) {
    for (int i = 0; i < width; ++i) c[i] = fused(a[i], b[i], c[i]);
    return c;
  }
  static Scalar multiply_add(Scalar a, Scalar b, Scalar c) { return fused(a, b, c); }
};

}  // namespace

const Kernels portable_kernels = kernels_of<Portable<float, FourFloats>, Portable<double, TwoDoubles>>();

}  // namespace amalgam::ops::cpu
