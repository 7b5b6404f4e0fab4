// Compiled for AVX-512 with its bfloat16 products (CMakeLists.txt); only called where the processor has them.
#if defined(__x86_64__)

#include <immintrin.h>

#include "ops/cpu/kernel_templates.h"

namespace amalgam::ops::cpu {

namespace {

// A step multiplies two numbers of each factor: the halves of a float's bits.
struct Pairs {
  using Number = float;
  using Vector = __m512;
  static constexpr int width = 16;
  static constexpr int tile_rows = 12;
  static constexpr int tile_vectors = 2;
  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
  static Vector broadcast(float x) { return _mm512_set1_ps(x); }
  static Vector multiply_add(Vector a, Vector b, Vector c) {
    return _mm512_dpbf16_ps(c, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
  }
};

using Loops = GemmLoops<Pairs>;

// Two products in a step, so blocks and runs have half as many steps for the same numbers.
constexpr std::int64_t k_block = gemm_k_block / 2;
constexpr int run = gemm_run / 2;

}  // namespace

const GemmKernel<float> avx512_bf16_pairs{.tile_rows = Loops::rows,
                                          .tile_cols = Loops::cols,
                                          .k_block = k_block,
                                          .multiply = Loops::multiply<>,
                                          .multiply_symmetric = Loops::multiply_symmetric<>,
                                          .multiply_in_runs = Loops::multiply<run>,
                                          .multiply_symmetric_in_runs = Loops::multiply_symmetric<run>,
                                          .pack_rows_f32 = Loops::pack<Loops::rows, float>,
                                          .pack_cols_f32 = Loops::pack<Loops::cols, float>,
                                          .pack_cols_bf16 = Loops::pack<Loops::cols, Bf16>,
                                          .pack_cols_f16 = Loops::pack<Loops::cols, F16>};

}  // namespace amalgam::ops::cpu

#endif
