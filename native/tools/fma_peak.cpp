#include "tools/fma_peak.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/cpu.h"

namespace amalgam::tools {

namespace {

constexpr std::int64_t steps = 1 << 20;
constexpr int chains = 16;  // enough for any latency times two units

// Each returns a sum, so that nothing is left out as unused. Products with 0.5 keep the numbers in range.
#if defined(__x86_64__)
__attribute__((target("avx512f"))) float chains_avx512() {
  __m512 sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 half = _mm512_set1_ps(0.5f);
  for (std::int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; ++i) sum[i] = _mm512_fmadd_ps(sum[i], half, half);
  }
  float total = 0;
  for (int i = 0; i < chains; ++i) total += _mm512_cvtss_f32(sum[i]);
  return total;
}

__attribute__((target("avx2,fma"))) float chains_avx2() {
  __m256 sum[chains - 2];  // 16 registers are all there are
  for (int i = 0; i < chains - 2; ++i) sum[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 half = _mm256_set1_ps(0.5f);
  for (std::int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 16
    for (int i = 0; i < chains - 2; ++i) sum[i] = _mm256_fmadd_ps(sum[i], half, half);
  }
  float total = 0;
  for (int i = 0; i < chains - 2; ++i) total += _mm256_cvtss_f32(sum[i]);
  return total;
}
#endif

typedef float FourFloats __attribute__((vector_size(16)));

float chains_portable() {
  FourFloats sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = FourFloats{} + static_cast<float>(i);
  const FourFloats half = FourFloats{} + 0.5f;
  for (std::int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; ++i) sum[i] = sum[i] * half + half;
  }
  float total = 0;
  for (int i = 0; i < chains; ++i) total += sum[i][0];
  return total;
}

struct Chains {
  float (*run)();
  double operations;  ///< of one run
};

Chains widest_chains() {
  constexpr double of_step = 2.0 * static_cast<double>(steps);
#if defined(__x86_64__)
  switch (core::best_instruction_set()) {
    case core::InstructionSet::avx512: return {chains_avx512, of_step * 16 * chains};
    case core::InstructionSet::avx2: return {chains_avx2, of_step * 8 * (chains - 2)};
    case core::InstructionSet::portable: break;
  }
#endif
  return {chains_portable, of_step * 4 * chains};
}

}  // namespace

double fma_peak_gflops(core::ThreadPool& pool) {
  const Chains widest = widest_chains();
  std::vector<float> results(static_cast<std::size_t>(pool.threads()));
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    const auto start = std::chrono::steady_clock::now();
    pool.parallel_for(pool.threads(), [&](std::int64_t, std::int64_t, int worker) {
      results[static_cast<std::size_t>(worker)] = widest.run();
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    // Every chain tends to 1; a run that gave nothing was not a run.
    if (!std::all_of(results.begin(), results.end(), [](float sum) { return sum > 0; })) return 0;
    best = std::max(best, widest.operations * pool.threads() / seconds.count() / 1e9);
  }
  return best;
}

}  // namespace amalgam::tools
