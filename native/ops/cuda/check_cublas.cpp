#include "ops/cuda/check_cublas.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/bf16.h"
#include "core/error.h"

namespace amalgam::ops {

namespace {

constexpr std::int64_t rows = 24;
constexpr std::int64_t cols = 40;
constexpr std::int64_t depth = 64;

/// Small whole numbers, different in every row and column: exact in bfloat16, and so are their products and sums in float.
std::vector<std::uint16_t> pattern(std::int64_t height, std::int64_t factor) {
  std::vector<std::uint16_t> values;
  for (std::int64_t i = 0; i < height * depth; ++i) {
    values.push_back(core::f32_to_bf16(static_cast<float>((i * factor + i / depth) % 13 - 6)));
  }
  return values;
}

}  // namespace

bool small_product_is_right(Device& device) {
  const std::vector<std::uint16_t> x = pattern(rows, 5);
  const std::vector<std::uint16_t> w = pattern(cols, 7);
  const DeviceArray device_x(device, core::DType::BF16, rows, depth);
  const DeviceArray device_w(device, core::DType::BF16, cols, depth);
  const DeviceArray device_out(device, core::DType::F32, rows, cols);
  device.upload(device_x.view().data, x.data(), device_x.bytes());
  device.upload(device_w.view().data, w.data(), device_w.bytes());
  std::vector<float> out(static_cast<std::size_t>(rows * cols), NAN);
  device.upload(device_out.view().data, out.data(), device_out.bytes());
  try {
    device.linear(device_x.view(), device_w.view(), device_out.view(), Into::overwrite);
    device.download(out.data(), device_out.view().data, device_out.bytes());
  } catch (const core::Error& error) {
    if (error.code != "cuda-error") throw;
    return false;
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      float sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        sum += core::bf16_to_f32(x[static_cast<std::size_t>(i * depth + k)]) *
               core::bf16_to_f32(w[static_cast<std::size_t>(j * depth + k)]);
      }
      if (out[static_cast<std::size_t>(i * cols + j)] != sum) return false;
    }
  }
  return true;
}

}  // namespace amalgam::ops
