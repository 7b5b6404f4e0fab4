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

  typedef std::uint32_t Bits __attribute__((vector_size(64)));
  static __attribute__((always_inline)) void transpose(Vector (&rows)[16]) {
    // Quarter q of fours[4 g + i] is column 4 q + i of rows 4 g to 4 g + 3.
    Vector fours[16];
    unrolled<4>([&]<int g>() {
      const Vector low01 = low(rows[4 * g], rows[4 * g + 1]);
      const Vector high01 = high(rows[4 * g], rows[4 * g + 1]);
      const Vector low23 = low(rows[4 * g + 2], rows[4 * g + 3]);
      const Vector high23 = high(rows[4 * g + 2], rows[4 * g + 3]);
      fours[4 * g] = low_pairs(low01, low23);
      fours[4 * g + 1] = high_pairs(low01, low23);
      fours[4 * g + 2] = low_pairs(high01, high23);
      fours[4 * g + 3] = high_pairs(high01, high23);
    });
    unrolled<4>([&]<int i>() {
      const Vector upper_even = even_quarters(fours[i], fours[4 + i]);
      const Vector upper_odd = odd_quarters(fours[i], fours[4 + i]);
      const Vector lower_even = even_quarters(fours[8 + i], fours[12 + i]);
      const Vector lower_odd = odd_quarters(fours[8 + i], fours[12 + i]);
      rows[i] = even_quarters(upper_even, lower_even);
      rows[4 + i] = even_quarters(upper_odd, lower_odd);
      rows[8 + i] = odd_quarters(upper_even, lower_even);
      rows[12 + i] = odd_quarters(upper_odd, lower_odd);
    });
  }

 private:
  // With a mask of all lanes, because GCC 12 warns of its own unmasked ones (bug 105593).
  static Vector low(Vector a, Vector b) { return _mm512_maskz_unpacklo_ps(0xffff, a, b); }
  static Vector high(Vector a, Vector b) { return _mm512_maskz_unpackhi_ps(0xffff, a, b); }
  static Vector low_pairs(Vector a, Vector b) {
    return _mm512_castpd_ps(_mm512_maskz_unpacklo_pd(0xff, _mm512_castps_pd(a), _mm512_castps_pd(b)));
  }
  static Vector high_pairs(Vector a, Vector b) {
    return _mm512_castpd_ps(_mm512_maskz_unpackhi_pd(0xff, _mm512_castps_pd(a), _mm512_castps_pd(b)));
  }
  static Vector even_quarters(Vector a, Vector b) { return _mm512_maskz_shuffle_f32x4(0xffff, a, b, 0x88); }
  static Vector odd_quarters(Vector a, Vector b) { return _mm512_maskz_shuffle_f32x4(0xffff, a, b, 0xdd); }
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
