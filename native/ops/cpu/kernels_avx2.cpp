// Compiled for AVX2 and FMA (CMakeLists.txt); only called where the processor has it.
#if defined(__x86_64__)

#include <immintrin.h>

#include "ops/cpu/kernel_templates.h"

namespace amalgam::ops::cpu {

namespace {

// 12 of the 16 registers hold the tile, 2 a row of B, 1 the factor of A.
struct Floats {
  using Number = float;
  using Vector = __m256;
  static constexpr int width = 8;
  static constexpr int tile_rows = 6;
  static constexpr int tile_vectors = 2;
  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }
  static Vector broadcast(float x) { return _mm256_set1_ps(x); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
};

struct Doubles {
  using Number = double;
  using Vector = __m256d;
  static constexpr int width = 4;
  static constexpr int tile_rows = 6;
  static constexpr int tile_vectors = 2;
  static Vector zero() { return _mm256_setzero_pd(); }
  static Vector load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, Vector v) { _mm256_storeu_pd(p, v); }
  static Vector broadcast(double x) { return _mm256_set1_pd(x); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_pd(a, b, c); }
  static double multiply_add(double a, double b, double c) { return __builtin_fma(a, b, c); }
};

}  // namespace

const Kernels avx2_kernels = kernels_of<Floats, Doubles>();

}  // namespace amalgam::ops::cpu

#endif
