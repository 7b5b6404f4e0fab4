// The CUDA library: what it answers without a driver, and with one its operations against plain loops here.
#include <dlfcn.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/json.h"
#include "ops/cuda/cuda_library.h"
#include "ops/cuda/devices.h"
#include "runner.h"

using namespace amalgam::ops;

namespace {

const std::string library_file = AMALGAM_RELEASE_DIR "/libamalgam_cuda.so";

/// The usable backend, or the end of the test as skipped.
const AmalgamBackend& backend_or_skip() {
  const CudaLibrary cuda = open_cuda_library(AMALGAM_RELEASE_DIR);
  if (cuda.backend == nullptr) SKIP(cuda.reason);
  return *cuda.backend;
}

/// Memory on device 0.
template <typename T>
class DeviceArray {
 public:
  DeviceArray(const AmalgamBackend& backend, const std::vector<T>& values) : backend_(backend), count_(values.size()) {
    AmalgamFailure failure{};
    check_cuda(backend_.allocate(0, count_ * sizeof(T), &memory_, &failure), failure);
    check_cuda(backend_.copy_to_device(0, memory_, values.data(), count_ * sizeof(T), &failure), failure);
  }
  ~DeviceArray() {
    AmalgamFailure ignored{};  // the memory ends with the process at the latest
    backend_.release(0, memory_, &ignored);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return static_cast<T*>(memory_); }

  std::vector<T> read() const {
    std::vector<T> values(count_);
    AmalgamFailure failure{};
    check_cuda(backend_.copy_to_host(0, values.data(), memory_, count_ * sizeof(T), &failure), failure);
    return values;
  }

 private:
  const AmalgamBackend& backend_;
  std::size_t count_;
  void* memory_ = nullptr;
};

std::vector<float> random_values(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-52 - 1.0);
  return values;
}

}  // namespace

TEST("without a usable library there are words for it, and devices() answers") {
  const CudaLibrary cuda = open_cuda_library(amalgam::test::scratch_folder());
  CHECK(cuda.backend == nullptr);
  CHECK(!cuda.compiled);
  CHECK(!cuda.reason.empty());
  const amalgam::core::Json devices = describe_devices();
  // A usable card may still have a reason: that cuBLAS is missing.
  CHECK(devices.at("cuda").get_bool("available") || !devices.at("cuda").get_string("reason").empty());
  CHECK(devices.at("cpu").get_int("threads") >= 1);
}

TEST("a file that is no library is refused in words") {
  std::ofstream(amalgam::test::scratch_folder() + "/libamalgam_cuda.so") << "not a library";
  const CudaLibrary cuda = open_cuda_library(amalgam::test::scratch_folder());
  CHECK(cuda.compiled);
  CHECK(cuda.backend == nullptr);
  CHECK(!cuda.reason.empty());
}

TEST("the library opens without a driver, and its calls then fail with words instead of crashing") {
  if (!std::filesystem::exists(library_file)) SKIP("built without nvcc");
  void* library = ::dlopen(library_file.c_str(), RTLD_NOW | RTLD_LOCAL);
  CHECK(library != nullptr);
  const auto entry = reinterpret_cast<AmalgamBackendEntry>(::dlsym(library, AMALGAM_BACKEND_ENTRY));
  CHECK(entry != nullptr);
  const AmalgamBackend& backend = *entry();
  CHECK_EQ(backend.version, AMALGAM_BACKEND_VERSION);
  CHECK_EQ(backend.size, sizeof(AmalgamBackend));
  if (open_cuda_library(AMALGAM_RELEASE_DIR).backend != nullptr) SKIP("there is a driver here");
  AmalgamFailure failure{};
  std::int32_t count = -1;
  void* memory = nullptr;
  float value = 0.0f;
  CHECK(backend.device_count(&count, &failure) != 0);
  CHECK_EQ(count, 0);
  CHECK(std::string(failure.message).find("cudaGetDeviceCount") != std::string::npos);
  CHECK(std::string(failure.message).find("backend.cu:") != std::string::npos);
  CHECK(backend.allocate(0, 64, &memory, &failure) != 0);
  CHECK(backend.scale(0, 1, 2.0f, &value, &failure) != 0);
  CHECK_ERROR("cuda-error", check_cuda(backend.axpy(0, 1, 2.0f, &value, &value, &failure), failure));
}

TEST("scale and axpy give the same bits as the CPU") {
  const AmalgamBackend& backend = backend_or_skip();
  for (const std::size_t count : {1u, 255u, 257u, 1'000'003u}) {
    const std::vector<float> x = random_values(count, 1);
    std::vector<float> y = random_values(count, 2);
    const DeviceArray<float> device_x(backend, x);
    const DeviceArray<float> device_y(backend, y);
    AmalgamFailure failure{};
    const auto length = static_cast<std::int64_t>(count);
    check_cuda(backend.axpy(0, length, 0.3f, device_x.data(), device_y.data(), &failure), failure);
    check_cuda(backend.scale(0, length, -1.7f, device_y.data(), &failure), failure);
    for (std::size_t i = 0; i < count; ++i) y[i] = (y[i] + 0.3f * x[i]) * -1.7f;
    CHECK(device_y.read() == y);
  }
}

TEST("gram in double agrees with plain loops on odd shapes, and overwrites what was there") {
  const AmalgamBackend& backend = backend_or_skip();
  for (const auto& [rows, cols] : {std::pair{1, 1}, {5, 3}, {16, 16}, {17, 33}, {130, 1000}, {3, 0}}) {
    const std::vector<float> a = random_values(static_cast<std::size_t>(rows * cols) + 1, 3);
    const DeviceArray<float> device_a(backend, a);
    const DeviceArray<double> device_g(backend, std::vector<double>(static_cast<std::size_t>(rows * rows), NAN));
    AmalgamFailure failure{};
    check_cuda(backend.gram_f64(0, rows, cols, device_a.data(), device_g.data(), &failure), failure);
    const std::vector<double> g = device_g.read();
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < rows; ++j) {
        double sum = 0.0;
        for (int k = 0; k < cols; ++k) {
          sum += static_cast<double>(a[static_cast<std::size_t>(i * cols + k)]) *
                 static_cast<double>(a[static_cast<std::size_t>(j * cols + k)]);
        }
        CHECK_EQ(g[static_cast<std::size_t>(i * rows + j)], sum);
      }
    }
  }
}
