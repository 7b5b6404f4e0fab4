// Numbers on a device for tests: rounded to the stored type, with gaps between the rows, poison where nothing belongs.
#pragma once

#include <algorithm>
#include <cmath>
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

/// Numbers rounded to a type, as they are stored.
inline std::vector<std::byte> stored_numbers(core::DType type, const std::vector<double>& numbers) {
  const auto count = static_cast<std::int64_t>(numbers.size());
  std::vector<std::byte> bytes(ops::array_bytes(type, 1, count));
  if (type == core::DType::F64) {
    if (count > 0) std::memcpy(bytes.data(), numbers.data(), bytes.size());
    return bytes;
  }
  const std::vector<float> rounded(numbers.begin(), numbers.end());
  core::from_f32(type, rounded.data(), count, bytes.data());
  return bytes;
}

/// The numbers that bytes of a type hold.
inline std::vector<double> numbers_stored(core::DType type, const std::vector<std::byte>& bytes) {
  std::vector<double> numbers(bytes.size() / ops::array_bytes(type, 1, 1));
  if (type == core::DType::F64) {
    if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
  }
  std::vector<float> wide(numbers.size());
  core::to_f32(type, bytes.data(), static_cast<std::int64_t>(wide.size()), wide.data());
  std::copy(wide.begin(), wide.end(), numbers.begin());
  return numbers;
}

/// An array on a device whose rows lie `gap` elements apart. The gaps hold NaN.
class Placed {
 public:
  /// Rounds `numbers` to `type`, in place, so that the reference sees what the device sees, and uploads them.
  Placed(ops::Device& device, core::DType type, reference::Numbers& numbers, std::int64_t gap = usual_gap)
      : Placed(device, type, numbers.rows(), numbers.cols(), gap) {
    std::vector<double> wide(static_cast<std::size_t>(numbers.rows() * stride_), poison);
    for (std::int64_t i = 0; i < numbers.rows(); ++i) std::copy_n(numbers.row(i), cols_, &wide[at(i, 0)]);
    write(wide);
    numbers = read();
  }

  /// Filled with NaN.
  Placed(ops::Device& device, core::DType type, std::int64_t rows, std::int64_t cols, std::int64_t gap = usual_gap)
      : device_(device), type_(type), rows_(rows), cols_(cols), stride_(cols + gap),
        buffer_(device, ops::array_bytes(type, rows, cols + gap)) {
    write(std::vector<double>(static_cast<std::size_t>(rows_ * stride_), poison));
  }

  ops::Array view() const { return {buffer_.data(), type_, rows_, cols_, stride_}; }

  /// What the device holds now.
  reference::Numbers read() const {
    const std::vector<double> all = read_all();
    reference::Numbers numbers(rows_, cols_);
    for (std::int64_t i = 0; i < rows_; ++i) std::copy_n(&all[at(i, 0)], cols_, numbers.row(i));
    return numbers;
  }

  /// Whether nothing was written between the rows.
  bool gaps_untouched() const {
    const std::vector<double> all = read_all();
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = cols_; j < stride_; ++j) {
        if (!std::isnan(all[at(i, j)])) return false;
      }
    }
    return true;
  }

 private:
  static constexpr double poison = std::numeric_limits<double>::quiet_NaN();

  std::size_t at(std::int64_t row, std::int64_t col) const { return static_cast<std::size_t>(row * stride_ + col); }

  void write(const std::vector<double>& numbers) {
    const std::vector<std::byte> stored = stored_numbers(type_, numbers);
    device_.upload(buffer_.data(), stored.data(), stored.size());
  }

  std::vector<double> read_all() const {
    std::vector<std::byte> stored(ops::array_bytes(type_, rows_, stride_));
    device_.wait();
    device_.download(stored.data(), buffer_.data(), stored.size());
    return numbers_stored(type_, stored);
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
