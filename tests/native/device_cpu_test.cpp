// Devices: names, memory, arrays.
#include <cstring>
#include <stdexcept>
#include <vector>

#include "ops/device.h"
#include "runner.h"

using namespace amalgam;
using core::DType;

namespace {

const core::CancelToken never;

}  // namespace

TEST("the processor is a device; other names are refused with those there are, and why CUDA is not") {
  const auto device = ops::open_device("cpu", 1, never);
  CHECK_EQ(device->name(), "cpu");
  CHECK(device->activations() == DType::F32);
  CHECK(device->stored(DType::BF16) == DType::BF16);
  CHECK(device->stored(DType::F16) == DType::F16);
  CHECK(device->stored(DType::F64) == DType::F32);
  for (const std::string name : {"", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:4000"}) {
    const core::Error error = CHECK_ERROR("device-unknown", ops::open_device(name, 1, never));
    CHECK(std::string(error.what()).find("\"" + name + "\"; there are: cpu") != std::string::npos);
  }
  CHECK_ERROR("request-invalid", ops::open_device("cpu", 0, never));
}

TEST("free memory is known") {
  const ops::DeviceMemory memory = ops::open_device("cpu", 1, never)->memory();
  CHECK(memory.free_bytes > (1u << 20));
  CHECK(memory.total_bytes >= memory.free_bytes);
}

TEST("bytes come back as they went, buffers move, and too much memory is refused with its size") {
  const auto device = ops::open_device("cpu", 1, never);
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{1000}, std::size_t{3} << 20}) {
    ops::DeviceBuffer buffer(*device, bytes);
    std::vector<char> given(bytes, 'x');
    std::vector<char> got(bytes);
    device->upload(buffer.data(), given.data(), bytes);
    ops::DeviceBuffer moved = std::move(buffer);
    CHECK(buffer.data() == nullptr);
    device->download(got.data(), moved.data(), bytes);
    CHECK(got == given);
    device->fill_zero(moved.data(), bytes);
    device->download(got.data(), moved.data(), bytes);
    CHECK(got == std::vector<char>(bytes));
    moved = ops::DeviceBuffer(*device, 10);
    CHECK_EQ(moved.bytes(), 10u);
  }
  CHECK(ops::DeviceBuffer(*device, 0).data() == nullptr);
  const core::Error error = CHECK_ERROR("out-of-memory", ops::DeviceBuffer(*device, std::size_t{1} << 60));
  CHECK(std::string(error.what()).find("1152921504606846976") != std::string::npos);
}

TEST("parts of an array share its memory") {
  const auto device = ops::open_device("cpu", 1, never);
  const ops::DeviceArray array(*device, DType::BF16, 10, 8);
  CHECK_EQ(array.bytes(), 160u);
  CHECK_EQ(ops::array_bytes(DType::F32, 3, 5), 60u);
  const ops::Array part = array.view().row_range(2, 3).col_range(4, 2);
  CHECK_EQ(static_cast<std::byte*>(part.data) - static_cast<std::byte*>(array.view().data), (2 * 8 + 4) * 2);
  CHECK_EQ(part.rows, 3);
  CHECK_EQ(part.cols, 2);
  CHECK_EQ(part.stride, 8);
}
