// Compiled for AVX-512 (CMakeLists.txt); only called where the processor has it.
#if defined(__x86_64__)

#include <immintrin.h>

#include "ops/cpu/kernel_templates.h"

namespace amalgam::ops::cpu {

namespace {

// 24 of the 32 registers hold the tile, 2 a row of B, and the factors of A come from memory.
struct Floats {
  using Number = float;
  using Vector = __m512;
  static constexpr int width = 16;
  static constexpr int tile_rows = 12;
  static constexpr int tile_vectors = 2;
  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
  static Vector broadcast(float x) { return _mm512_set1_ps(x); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
};

struct Doubles {
  using Number = double;
  using Vector = __m512d;
  static constexpr int width = 8;
  static constexpr int tile_rows = 12;
  static constexpr int tile_vectors = 2;
  static Vector zero() { return _mm512_setzero_pd(); }
  static Vector load(const double* p) { return _mm512_loadu_pd(p); }
  static void store(double* p, Vector v) { _mm512_storeu_pd(p, v); }
  static Vector broadcast(double x) { return _mm512_set1_pd(x); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_pd(a, b, c); }
  static double multiply_add(double a, double b, double c) { return __builtin_fma(a, b, c); }
};

}  // namespace

const Kernels avx512_kernels = kernels_of<Floats, Doubles>();

}  // namespace amalgam::ops::cpu

#endif
