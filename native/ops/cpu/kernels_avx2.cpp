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

  typedef std::uint32_t Bits __attribute__((vector_size(32)));
  static __attribute__((always_inline)) void transpose(Vector (&rows)[8]) {
    // Half h of fours[4 g + i] is column 4 h + i of rows 4 g to 4 g + 3.
    Vector fours[8];
    unrolled<2>([&]<int g>() {
      const __m256d low01 = _mm256_castps_pd(_mm256_unpacklo_ps(rows[4 * g], rows[4 * g + 1]));
      const __m256d high01 = _mm256_castps_pd(_mm256_unpackhi_ps(rows[4 * g], rows[4 * g + 1]));
      const __m256d low23 = _mm256_castps_pd(_mm256_unpacklo_ps(rows[4 * g + 2], rows[4 * g + 3]));
      const __m256d high23 = _mm256_castps_pd(_mm256_unpackhi_ps(rows[4 * g + 2], rows[4 * g + 3]));
      fours[4 * g] = _mm256_castpd_ps(_mm256_unpacklo_pd(low01, low23));
      fours[4 * g + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low01, low23));
      fours[4 * g + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high01, high23));
      fours[4 * g + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high01, high23));
    });
    unrolled<4>([&]<int i>() {
      rows[i] = _mm256_permute2f128_ps(fours[i], fours[4 + i], 0x20);
      rows[4 + i] = _mm256_permute2f128_ps(fours[i], fours[4 + i], 0x31);
    });
  }
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
