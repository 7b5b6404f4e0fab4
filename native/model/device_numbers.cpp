#include "model/device_numbers.h"

#include <cstddef>
#include <cstring>
#include <stdexcept>

namespace amalgam::model {

namespace {

using core::DType;

void check_place(const ops::Array& array, std::size_t count) {
  const bool fits = array.stride == array.cols && static_cast<std::size_t>(array.rows * array.cols) == count;
  if (!fits) throw std::logic_error("device numbers: an array with gaps, or of another size");
}

std::size_t size_of(const ops::Array& array) { return static_cast<std::size_t>(array.rows * array.cols); }

}  // namespace

void write_numbers(ops::Device& device, const ops::Array& to, std::span<const float> numbers) {
  check_place(to, numbers.size());
  if (to.type == DType::F32) return device.upload(to.data, numbers.data(), numbers.size_bytes());
  std::vector<std::byte> stored(ops::array_bytes(to.type, to.rows, to.cols));
  core::from_f32(to.type, numbers.data(), to.rows * to.cols, stored.data());
  device.upload(to.data, stored.data(), stored.size());
}

void write_numbers(ops::Device& device, const ops::Array& to, std::span<const double> numbers) {
  check_place(to, numbers.size());
  if (to.type == DType::F64) return device.upload(to.data, numbers.data(), numbers.size_bytes());
  write_numbers(device, to, std::span<const float>(std::vector<float>(numbers.begin(), numbers.end())));
}

std::vector<double> read_numbers(ops::Device& device, const ops::Array& from) {
  check_place(from, size_of(from));
  std::vector<std::byte> stored(ops::array_bytes(from.type, from.rows, from.cols));
  device.wait();
  device.download(stored.data(), from.data, stored.size());
  std::vector<double> numbers(size_of(from));
  if (from.type == DType::F64) {
    if (!stored.empty()) std::memcpy(numbers.data(), stored.data(), stored.size());
    return numbers;
  }
  std::vector<float> wide(numbers.size());
  core::to_f32(from.type, stored.data(), from.rows * from.cols, wide.data());
  return {wide.begin(), wide.end()};
}

}  // namespace amalgam::model
