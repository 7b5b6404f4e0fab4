#include "tools/bench_gemm.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/bf16.h"
#include "core/cancel.h"
#include "core/cpu.h"
#include "core/tensor.h"
#include "ops/executor.h"
#include "ops/gemm.h"
#include "tools/fma_peak.h"

namespace amalgam::tools {

using core::Json;
using core::Matrix;
using ops::Into;

namespace {

enum class Kind { forward, backward, gram };

/// Forward: y = x w^T, x rows x inputs, w outputs x inputs. Backward: dx = dy w. Gram: x^T x with `inputs` rows of x.
struct Row {
  std::string name;
  Kind kind;
  std::int64_t rows;
  std::int64_t outputs;
  std::int64_t inputs;
};

const std::vector<Row>& table() {
  static const std::vector<Row> rows{
      {"forward", Kind::forward, 512, 2048, 2048},   {"forward", Kind::forward, 512, 8192, 2048},
      {"forward", Kind::forward, 512, 2048, 8192},   {"backward", Kind::backward, 512, 2048, 2048},
      {"backward", Kind::backward, 512, 8192, 2048}, {"backward", Kind::backward, 512, 2048, 8192},
      {"gram", Kind::gram, 1600, 1600, 4096},        {"64 rows", Kind::forward, 64, 2048, 2048},
      {"1 row", Kind::forward, 1, 2048, 2048},       {"rank 16", Kind::forward, 512, 16, 2048},
  };
  return rows;
}

/// Numbers of both signs below 1 that are cheap to make.
float number(std::int64_t i) { return static_cast<float>((i * 7919) % 2003 - 1001) / 1024.0f; }

Matrix<float> numbers(std::int64_t rows, std::int64_t cols) {
  Matrix<float> matrix(rows, cols);
  for (std::int64_t i = 0; i < matrix.size(); ++i) matrix.data()[i] = number(i);
  return matrix;
}

Matrix<ops::Bf16> narrow_numbers(std::int64_t rows, std::int64_t cols) {
  Matrix<ops::Bf16> matrix(rows, cols);
  for (std::int64_t i = 0; i < matrix.size(); ++i) {
    matrix.data()[i] = static_cast<ops::Bf16>(core::f32_to_bf16(number(i)));
  }
  return matrix;
}

/// Seconds of the fastest run: at least five, and half a second of them.
template <typename Run>
double best_seconds(Run run) {
  double best = 1e30;
  double total = 0;
  for (int count = 0; count < 5 || total < 0.5; ++count) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::min(best, seconds.count());
    total += seconds.count();
  }
  return best;
}

template <typename Weight>
double product_seconds(ops::Executor& executor, const Row& row, const Matrix<Weight>& w) {
  const bool forward = row.kind == Kind::forward;
  const Matrix<float> x = numbers(row.rows, forward ? row.inputs : row.outputs);
  Matrix<float> y(row.rows, forward ? row.outputs : row.inputs);
  const auto factor = forward ? ops::strided(w).transposed() : ops::strided(w);
  return best_seconds([&] { ops::gemm(executor, ops::strided(x), factor, y.view(), Into::overwrite); });
}

double gram_seconds(ops::Executor& executor, const Row& row) {
  const Matrix<float> x = numbers(row.inputs, row.outputs);
  Matrix<float> g(row.outputs, row.outputs);
  return best_seconds([&] { ops::gram(executor, ops::strided(x), g.view()); });
}

double operations(const Row& row) {
  const auto outputs = static_cast<double>(row.outputs);
  const auto inputs = static_cast<double>(row.inputs);
  if (row.kind == Kind::gram) return outputs * (outputs + 1) * inputs;
  return 2 * static_cast<double>(row.rows) * outputs * inputs;
}

Json measured(const Row& row, const std::string& weights, double seconds, double weight_bytes, double peak) {
  const double gflops = operations(row) / seconds / 1e9;
  return Json::object({{"name", row.name},
                       {"weights", weights},
                       {"rows", row.rows},
                       {"outputs", row.outputs},
                       {"inputs", row.inputs},
                       {"ms", seconds * 1e3},
                       {"gflops", gflops},
                       {"ofPeak", peak > 0 ? gflops / peak : 0.0},
                       {"gigabytesPerSecond", weight_bytes / seconds / 1e9}});
}

}  // namespace

Json bench_gemm(int threads) {
  const core::CancelToken never;
  ops::Executor executor(threads, never);
  const double peak = fma_peak_gflops(executor.pool());
  Json rows = Json::array();
  for (const Row& row : table()) {
    const auto count = static_cast<double>(row.outputs * row.inputs);
    if (row.kind == Kind::gram) {
      rows.push(measured(row, "f32", gram_seconds(executor, row), count * 4, peak));
      continue;
    }
    const double wide = product_seconds(executor, row, numbers(row.outputs, row.inputs));
    rows.push(measured(row, "f32", wide, count * 4, peak));
    const double narrow = product_seconds(executor, row, narrow_numbers(row.outputs, row.inputs));
    rows.push(measured(row, "bf16", narrow, count * 2, peak));
  }
  return Json::object({{"threads", threads},
                       {"instructions", core::instruction_set_name(executor.instruction_set())},
                       {"processor", core::processor_name()},
                       {"peakGflops", peak},
                       {"rows", std::move(rows)}});
}

}  // namespace amalgam::tools
