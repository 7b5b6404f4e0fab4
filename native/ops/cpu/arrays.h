// What the operators share: arrays as rows of floats, and rows dealt out to the threads.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/tensor.h"
#include "ops/device.h"
#include "ops/executor.h"

namespace amalgam::ops::cpu {

/// Shapes and types that do not fit are a bug of the caller.
inline void require(bool fits, const char* what) {
  if (!fits) throw std::logic_error(std::string("operator: ") + what);
}

/// A row of an array of F32.
inline float* row_of(const Array& array, std::int64_t row) {
  return static_cast<float*>(array.data) + row * array.stride;
}

/// An array of F32 as a matrix.
inline core::MatrixView<float> floats(const Array& array) {
  require(array.type == core::DType::F32, "activations are F32");
  return {static_cast<float*>(array.data), array.rows, array.cols, array.stride};
}

/// Numbers that are done sooner by one thread than other threads are woken.
inline constexpr std::int64_t numbers_for_one_thread = 16384;

/// Calls body(begin, end) for runs of [0, rows) that together are all of it, on the threads if `row_numbers` numbers
/// per row make it worth while.
template <typename Body>
void for_rows(Executor& executor, std::int64_t rows, std::int64_t row_numbers, Body body) {
  executor.cancel().check();
  if (rows * row_numbers <= numbers_for_one_thread) {
    if (rows > 0) body(std::int64_t{0}, rows);
    return;
  }
  executor.pool().parallel_for(rows, [&](std::int64_t begin, std::int64_t end, int) { body(begin, end); });
}

}  // namespace amalgam::ops::cpu
