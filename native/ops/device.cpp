#include "ops/device.h"

#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "ops/cpu/cpu_device.h"
#include "ops/cuda/cuda_device.h"
#include "ops/cuda/cuda_library.h"

namespace amalgam::ops {

namespace {

Array part_of(const Array& array, std::int64_t row, std::int64_t rows, std::int64_t col, std::int64_t cols) {
  if (row < 0 || rows < 0 || row + rows > array.rows || col < 0 || cols < 0 || col + cols > array.cols) {
    throw std::logic_error("Array: a part that is not inside");
  }
  const std::int64_t skipped = (row * array.stride + col) * (core::dtype_bits(array.type) / 8);
  return {static_cast<std::byte*>(array.data) + skipped, array.type, rows, cols, array.stride};
}

/// N of "cuda:N", -1 for other names.
int cuda_index(std::string_view name) {
  constexpr std::string_view prefix = "cuda:";
  int index = -1;
  if (!name.starts_with(prefix)) return -1;
  const auto read = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), index);
  return read.ec == std::errc() && read.ptr == name.data() + name.size() ? index : -1;
}

core::Error unknown_device(const std::string& name, const CudaLibrary& cuda) {
  std::string known = "cpu";
  for (int device = 0; device < cuda.device_count; ++device) known += ", cuda:" + std::to_string(device);
  std::string message = "There is no device \"" + name + "\"; there are: " + known + ".";
  if (cuda.backend == nullptr) message += " CUDA cannot be used: " + cuda.reason + ".";
  return core::Error("device-unknown", message);
}

}  // namespace

Array Array::row_range(std::int64_t first, std::int64_t count) const { return part_of(*this, first, count, 0, cols); }

Array Array::col_range(std::int64_t first, std::int64_t count) const { return part_of(*this, 0, rows, first, count); }

std::size_t array_bytes(core::DType type, std::int64_t rows, std::int64_t cols) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) *
         static_cast<std::size_t>(core::dtype_bits(type) / 8);
}

DeviceBuffer::DeviceBuffer(Device& device, std::size_t bytes)
    : device_(&device), data_(device.allocate(bytes)), bytes_(bytes) {}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : device_(std::exchange(other.device_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  if (device_ != nullptr) device_->release(data_);
}

DeviceArray::DeviceArray(Device& device, core::DType type, std::int64_t rows, std::int64_t cols)
    : buffer_(device, array_bytes(type, rows, cols)), array_{buffer_.data(), type, rows, cols, cols} {}

std::unique_ptr<Device> open_device(const std::string& name, int threads, const core::CancelToken& cancel) {
  if (name == "cpu") return std::make_unique<cpu::CpuDevice>(threads, cancel);
  const CudaLibrary cuda = open_cuda_library();
  const int index = cuda_index(name);
  if (index < 0 || index >= cuda.device_count) throw unknown_device(name, cuda);
  return open_cuda_device(index, cancel);
}

}  // namespace amalgam::ops
