// Numbers on a device for tests: rounded to the stored type, with gaps between the rows, poison where nothing belongs.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "core/dtype.h"
#include "ops/device.h"
#include "random_matrix.h"
#include "reference_ops.h"

namespace amalgam::test {

/// Elements between the rows of arrays that name no gap. With 8, rows begin at multiples of 16 bytes where their length
/// allows it.
inline std::int64_t usual_gap = 3;

/// An array on a device whose rows lie `gap` elements apart. The gaps hold NaN.
class Placed {
 public:
  /// Rounds `numbers` to `type`, in place, so that the reference sees what the device sees, and uploads them.
  Placed(ops::Device& device, core::DType type, reference::Numbers& numbers, std::int64_t gap = usual_gap)
      : Placed(device, type, numbers.rows(), numbers.cols(), gap) {
    std::vector<float> wide(static_cast<std::size_t>(numbers.rows() * stride_), poison);
    for (std::int64_t i = 0; i < numbers.rows(); ++i) {
      for (std::int64_t j = 0; j < numbers.cols(); ++j) {
        const auto number = static_cast<float>(numbers(i, j));
        std::byte stored[4];
        core::from_f32(type, &number, 1, stored);
        core::to_f32(type, stored, 1, &wide[static_cast<std::size_t>(i * stride_ + j)]);
        numbers(i, j) = wide[static_cast<std::size_t>(i * stride_ + j)];
      }
    }
    write(wide);
  }

  /// Filled with NaN.
  Placed(ops::Device& device, core::DType type, std::int64_t rows, std::int64_t cols, std::int64_t gap = usual_gap)
      : device_(device), type_(type), rows_(rows), cols_(cols), stride_(cols + gap),
        buffer_(device, ops::array_bytes(type, rows, cols + gap)) {
    write(std::vector<float>(static_cast<std::size_t>(rows_ * stride_), poison));
  }

  ops::Array view() const { return {buffer_.data(), type_, rows_, cols_, stride_}; }

  /// What the device holds now.
  reference::Numbers read() const {
    const std::vector<float> all = read_all();
    reference::Numbers numbers(rows_, cols_);
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < cols_; ++j) numbers(i, j) = all[static_cast<std::size_t>(i * stride_ + j)];
    }
    return numbers;
  }

  /// Whether nothing was written between the rows.
  bool gaps_untouched() const {
    const std::vector<float> all = read_all();
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = cols_; j < stride_; ++j) {
        const float number = all[static_cast<std::size_t>(i * stride_ + j)];
        if (number == number) return false;
      }
    }
    return true;
  }

 private:
  static constexpr float poison = std::numeric_limits<float>::quiet_NaN();

  void write(const std::vector<float>& numbers) {
    std::vector<std::byte> stored(ops::array_bytes(type_, rows_, stride_));
    core::from_f32(type_, numbers.data(), rows_ * stride_, stored.data());
    device_.upload(buffer_.data(), stored.data(), stored.size());
  }

  std::vector<float> read_all() const {
    std::vector<std::byte> stored(ops::array_bytes(type_, rows_, stride_));
    device_.wait();
    device_.download(stored.data(), buffer_.data(), stored.size());
    std::vector<float> numbers(static_cast<std::size_t>(rows_ * stride_));
    core::to_f32(type_, stored.data(), rows_ * stride_, numbers.data());
    return numbers;
  }

  ops::Device& device_;
  core::DType type_;
  std::int64_t rows_;
  std::int64_t cols_;
  std::int64_t stride_;
  ops::DeviceBuffer buffer_;
};

/// ||actual - expected|| / ||expected||, by Frobenius; NaN when either holds one.
inline double relative_error(const reference::Numbers& actual, const reference::Numbers& expected) {
  double difference = 0;
  double length = 0;
  for (std::int64_t i = 0; i < expected.size(); ++i) {
    const double d = actual.data()[i] - expected.data()[i];
    difference += d * d;
    length += expected.data()[i] * expected.data()[i];
  }
  return std::sqrt(difference / std::max(length, std::numeric_limits<double>::min()));
}

inline bool same_bits(const reference::Numbers& x, const reference::Numbers& y) {
  return x.rows() == y.rows() && x.cols() == y.cols() &&
         (x.size() == 0 || std::memcmp(x.data(), y.data(), x.bytes()) == 0);
}

}  // namespace amalgam::test
